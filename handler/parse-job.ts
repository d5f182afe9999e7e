import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { urlProblem } from './net/ip-guard.ts'
import { InputError, type ValidationIssue } from './errors.ts'
import { resolveOutputFrame, type ResizePolicy, type OutputFrame } from './render/output-frame.ts'
import { findUnsafeJson } from './json-safety.ts'
import { JobSchema, type JobInput } from './job-schema.ts'
import type { JobEvent } from './events/job-events.ts'

/** A checked job: aliases resolved, defaults filled in, always with an id. */
export type Job = Omit<
  JobInput,
  | 'video'
  | 'audio'
  | 'musetalk_job_id'
  | 'webhook'
  | 'aspect_ratio'
  | 'resolution'
  | 'params'
  | 'seed'
> & {
  id: string
  video_url: string
  audio_url: string
  webhook?: { url: string; events?: readonly JobEvent['type'][] | undefined }
  /** What the result's pictures are fitted to. */
  frame: OutputFrame
}

export interface ParseOptions {
  allowFileInputs: boolean
  /** Whether `aspect_ratio` and `resolution` count where the job does not say so itself. */
  fitOutput?: ResizePolicy
}

/** Whether an input names a file of this machine; only a worker that allows it sees such a job. */
export const isPath = (input: string): boolean =>
  input.startsWith('file:') || !/^[a-z][a-z0-9+.-]*:/i.test(input)

/**
 * Check a payload.
 *
 * @param platformId used where the payload brings no id
 * @throws InputError INVALID_JOB naming every bad field
 */
export function parseJob(
  payload: unknown,
  platformId: string | undefined,
  rules: ParseOptions,
): Job {
  const odd = findUnsafeJson(payload)
  if (odd.length > 0) throw invalidJobError(odd)
  const parsed = v.safeParse(JobSchema, payload)
  const problems = [
    ...unknownFields(payload),
    ...(parsed.issues ?? []).filter((issue) => !isUnknownField(issue)).map(problemOf),
    ...arrayWhereObjectExpected(payload),
    ...inputProblems(payload, rules),
  ]
  if (!parsed.success || problems.length > 0) throw invalidJobError(problems)
  const { video, audio, musetalk_job_id, webhook, aspect_ratio, resolution, ...job } = parsed.output
  const { params: _params, seed: _seed, ...fields } = job
  const wanted = { aspect_ratio, resolution }
  const frame = resolveOutputFrame(job.output.fit, wanted, rules.fitOutput ?? 'source')
  if (Array.isArray(frame)) throw invalidJobError(frame)
  return {
    ...fields,
    id: job.id ?? musetalk_job_id ?? sanitizeId(platformId) ?? randomUUID(),
    video_url: (job.video_url ?? video)!, // inputProblems has seen that one of them is there
    audio_url: (job.audio_url ?? audio)!,
    frame,
    ...(webhook !== undefined && {
      webhook: typeof webhook === 'string' ? { url: webhook } : webhook,
    }),
  }
}

/** To the schema a list is an object too, one without fields. */
function arrayWhereObjectExpected(payload: unknown): ValidationIssue[] {
  if (!isObject(payload)) return []
  return ['metadata', 'output', 'params']
    .filter((field) => Array.isArray(payload[field]))
    .map((field) => ({ path: [field], message: 'must be an object' }))
}

/** What can only be said of both names of an input together, and of what this worker allows. */
function inputProblems(payload: unknown, { allowFileInputs }: ParseOptions): ValidationIssue[] {
  if (!isObject(payload)) return []
  return (['video', 'audio'] as const).flatMap((alias): ValidationIssue[] => {
    const field = `${alias}_url`
    const [long, short] = [payload[field], payload[alias]]
    if (long === undefined && short === undefined) {
      return [{ path: [field], message: 'is required' }]
    }
    if (long !== undefined && short !== undefined) {
      return [{ path: [alias], message: `is another name of ${field}; give one of them` }]
    }
    const input = long ?? short
    if (typeof input !== 'string' || input === '') return [] // the schema has said so
    const message = allowFileInputs && isPath(input) ? undefined : urlProblem(input)
    return message === undefined ? [] : [{ path: [long === undefined ? alias : field], message }]
  })
}

/** The schema stops at the first field that it does not know; a caller wants to see all of them. */
function unknownFields(payload: unknown): ValidationIssue[] {
  const strays = (value: unknown, known: object, path: string[]) =>
    isObject(value)
      ? Object.keys(value)
          .filter((name) => !Object.hasOwn(known, name))
          .map((name) => ({
            path: [...path, name.slice(0, 80)],
            message: 'is not a field of a job',
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

function problemOf(issue: v.BaseIssue<unknown>): ValidationIssue {
  const path = (issue.path ?? []).map(({ key }) => key as string | number)
  return { path, message: issue.message.slice(0, 200) }
}

const MAX_NAMED = 20

function invalidJobError(problems: readonly ValidationIssue[]): InputError {
  const lines = problems
    .slice(0, MAX_NAMED)
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
  if (problems.length > MAX_NAMED) lines.push(`and ${problems.length - MAX_NAMED} more`)
  const message = `the job is not valid: ${lines.join('; ')}`.slice(0, 4000)
  return new InputError('INVALID_JOB', message, { problems: problems.slice(0, MAX_NAMED) })
}

/** A platform's id in the characters of ours, because it may become an object's name. */
function sanitizeId(platformId: string | undefined): string | undefined {
  const id = platformId?.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '')
  return id ? id.slice(0, 200) : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Name of the job's object in the store. */
export const objectName = ({ id, output }: Job): string =>
  output.key ?? `${id}.${output.lossless ? 'mkv' : 'mp4'}`
