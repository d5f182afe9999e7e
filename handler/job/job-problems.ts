import type * as v from 'valibot'
import { InputError, type ValidationIssue } from '../errors.ts'
import { JobSchema } from './job-schema.ts'

/** What the schema says of a payload: every field that it does not know, and every value that is wrong. */
export const schemaProblems = (
  payload: unknown,
  issues: readonly v.BaseIssue<unknown>[] = [],
): ValidationIssue[] => [
  ...unknownFields(payload),
  ...issues.filter((issue) => !isNamedAlready(issue)).map(problemOf),
  ...arrayWhereObjectExpected(payload),
]

/** To the schema a list is an object too, one without fields. */
function arrayWhereObjectExpected(payload: unknown): ValidationIssue[] {
  if (!isObject(payload)) return []
  const listsIn = (value: unknown, path: (string | number)[], names: string[]) =>
    isObject(value)
      ? names
          .filter((name) => Array.isArray(value[name]))
          .map((name) => ({ path: [...path, name], message: 'must be an object' }))
      : []
  const speakers = ['segments', 'faces'].flatMap((field) => {
    const list = payload[field]
    return Array.isArray(list) ? list.map((one: unknown, i) => ({ one, path: [field, i] })) : []
  })
  return [
    ...listsIn(payload, [], ['metadata', 'output', 'params', 'trim', 'speech', 'sound']),
    ...listsIn(payload['output'], ['output'], ['poster', 'preview']),
    ...speakers.slice(0, 64).flatMap(({ one, path }) => listsIn(one, path, ['speech'])),
  ]
}

const NO_FIELD = 'is not a field of a job'

/** The schema stops at the first field that it does not know; a caller wants to see all of them. */
function unknownFields(payload: unknown): ValidationIssue[] {
  const strays = (value: unknown, known: object, path: string[]) =>
    isObject(value)
      ? Object.keys(value)
          .filter((name) => !Object.hasOwn(known, name))
          .map((name) => ({
            path: [...path, name.slice(0, 80)],
            message: NO_FIELD,
          }))
      : []
  const { entries } = JobSchema
  const output = isObject(payload) ? payload['output'] : undefined
  return [
    ...strays(payload, entries, []),
    ...strays(output, entries.output.wrapped.entries, ['output']),
  ]
}

const isUnknownField = ({ type, expected }: v.BaseIssue<unknown>) =>
  type === 'strict_object' && expected === 'never'

/** By `unknownFields`, which looks into the job and its output. */
const isNamedAlready = (issue: v.BaseIssue<unknown>) =>
  isUnknownField(issue) && (issue.path!.length === 1 || issue.path![0].key === 'output')

function problemOf(issue: v.BaseIssue<unknown>): ValidationIssue {
  const path = (issue.path ?? []).map(({ key }) => key as string | number)
  const message = isUnknownField(issue) ? NO_FIELD : issue.message.slice(0, 200)
  return { path, message }
}

const MAX_NAMED = 20

/** INVALID_JOB with the first of the problems. */
export function invalidJobError(problems: readonly ValidationIssue[]): InputError {
  const lines = problems
    .slice(0, MAX_NAMED)
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
  if (problems.length > MAX_NAMED) lines.push(`and ${problems.length - MAX_NAMED} more`)
  const message = `the job is not valid: ${lines.join('; ')}`.slice(0, 4000)
  return new InputError('INVALID_JOB', message, { problems: problems.slice(0, MAX_NAMED) })
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
