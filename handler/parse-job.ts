import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { InputError, type ValidationIssue } from './errors.ts'
import { contentDigest, inputProblem, type InputRules } from './inputs/input-address.ts'
import { toDataUrl } from './inputs/inline-media.ts'
import { directLink } from './inputs/share-links.ts'
import { resolveOutputFrame, type ResizePolicy, type OutputFrame } from './render/output-frame.ts'
import { findUnsafeJson } from './json-safety.ts'
import { JobSchema, LENGTH_OF_SYNC_MODE, type JobInput } from './job-schema.ts'
import type { JobEvent } from './events/job-events.ts'

/** A checked job: aliases resolved, defaults filled in, always with an id. */
export type Job = Omit<
  JobInput,
  | 'video'
  | 'audio'
  | 'video_base64'
  | 'audio_base64'
  | 'sync_mode'
  | 'musetalk_job_id'
  | 'webhook'
  | 'aspect_ratio'
  | 'resolution'
  | 'params'
  | 'seed'
> & {
  id: string
  /** An address of any kind; share links are direct ones here. */
  video_url: string
  audio_url: string
  /** SHA-256 of inputs whose content is known before anything is fetched. */
  contents: { video_url?: string; audio_url?: string }
  webhook?: { url: string; events?: readonly JobEvent['type'][] | undefined }
  /** What the result's pictures are fitted to. */
  frame: OutputFrame
}

export interface ParseOptions extends InputRules {
  /** Whether `aspect_ratio` and `resolution` count where the job does not say so itself. */
  fitOutput?: ResizePolicy
}

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
    ...lengthProblems(payload),
    ...outputProblems(payload),
  ]
  if (!parsed.success || problems.length > 0) throw invalidJobError(problems)
  const { musetalk_job_id, webhook, aspect_ratio, resolution, ...job } = parsed.output
  const { video: _v, audio: _a, video_base64: _vb, audio_base64: _ab, ...known } = job
  const { params: _params, seed: _seed, sync_mode, ...fields } = known
  const inputs = { video_url: inputOf(job, 'video')!, audio_url: inputOf(job, 'audio')! }
  const wanted = { aspect_ratio, resolution }
  const frame = resolveOutputFrame(job.output.fit, wanted, rules.fitOutput ?? 'source')
  if (Array.isArray(frame)) throw invalidJobError(frame)
  return {
    ...fields,
    id: job.id ?? musetalk_job_id ?? sanitizeId(platformId) ?? randomUUID(),
    ...inputs,
    length: sync_mode === undefined ? job.length : LENGTH_OF_SYNC_MODE[sync_mode],
    contents: contentsOf(inputs, rules),
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

/** Two names of one thing may only say the same. */
function lengthProblems(payload: unknown): ValidationIssue[] {
  if (!isObject(payload)) return []
  const { length, sync_mode } = payload
  const meant = (LENGTH_OF_SYNC_MODE as Record<string, string>)[String(sync_mode)]
  if (length === undefined || meant === undefined || length === meant) return []
  const message = `means length "${meant}"; give one of them, or both alike`
  return [{ path: ['sync_mode'], message }]
}

/** The names under which an input may come. */
const namesOf = (input: 'video' | 'audio') => [`${input}_url`, input, `${input}_base64`] as const

/** What can only be said of all names of an input together, and of what this worker takes. */
function inputProblems(payload: unknown, rules: ParseOptions): ValidationIssue[] {
  if (!isObject(payload)) return []
  return (['video', 'audio'] as const).flatMap((input): ValidationIssue[] => {
    const names = namesOf(input)
    const [first, ...more] = names.filter((name) => payload[name] !== undefined)
    if (first === undefined) return [{ path: [names[0]], message: 'is required' }]
    if (more.length > 0) {
      return more.map((name) => ({
        path: [name],
        message: `is another way to give ${first}; give one of them`,
      }))
    }
    if (typeof payload[first] !== 'string' || payload[first] === '') return [] // the schema has said so
    const message = inputProblem(inputOf(payload, input)!, rules)
    return message === undefined ? [] : [{ path: [first], message }]
  })
}

/** An input's address under whatever name it came; of a share link the direct one. */
function inputOf(job: Record<string, unknown>, input: 'video' | 'audio'): string | undefined {
  const [url, alias, base64] = namesOf(input).map((name) => job[name] as string | undefined)
  if (base64 !== undefined) return toDataUrl(base64)
  const address = url ?? alias
  return address?.startsWith('https:') && URL.canParse(address) ? directLink(address) : address
}

function contentsOf(inputs: { video_url: string; audio_url: string }, rules: ParseOptions) {
  const video_url = contentDigest(inputs.video_url, rules)
  const audio_url = contentDigest(inputs.audio_url, rules)
  return { ...(video_url && { video_url }), ...(audio_url && { audio_url }) }
}

/** Fields of the result that exclude each other. */
function outputProblems(payload: unknown): ValidationIssue[] {
  const output = isObject(payload) ? payload['output'] : undefined
  if (!isObject(output) || output['stream'] !== true || output['lossless'] !== true) return []
  return [{ path: ['output', 'stream'], message: 'is not for lossless results' }]
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
