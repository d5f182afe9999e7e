import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import type { ValidationIssue } from '../errors.ts'
import type { JobEvent } from '../events/job-events.ts'
import type { InputRules } from '../inputs/input-address.ts'
import { extensionOf } from '../render/encode/output-formats.ts'
import { outputProblems, withoutDefaults } from './output/output-rules.ts'
import { resolveOutputFrame, type ResizePolicy, type OutputFrame } from '../render/output-frame.ts'
import { contentsOf, inputOf, inputProblems, inputsOf } from './job-inputs.ts'
import { invalidJobError, isObject, schemaProblems } from './job-problems.ts'
import { JobSchema, type JobInput } from './job-schema.ts'
import { voicesOf, type JobVoice } from './job-voices.ts'
import { findUnsafeJson } from './json-safety.ts'
import { LENGTH_OF_SYNC_MODE } from './length-schema.ts'

/** A checked job: aliases resolved, defaults filled in, always with an id. */
export type Job = Omit<
  JobInput,
  | 'video'
  | 'audio'
  | 'video_base64'
  | 'audio_base64'
  | 'sync_mode'
  | 'loop_cut'
  | 'musetalk_job_id'
  | 'webhook'
  | 'aspect_ratio'
  | 'resolution'
  | 'params'
  | 'seed'
  | 'audio_url'
  | 'face'
  | 'speech'
  | 'segments'
  | 'faces'
  | 'output'
> & {
  output: ReturnType<typeof withoutDefaults<JobInput['output']>>
  id: string
  /** Whether its id was given, and says something to somebody. */
  isNamed: boolean
  /** An address of any kind; share links are direct ones here. */
  video_url: string
  voices: JobVoice[]
  /** SHA-256 of inputs whose content is known before anything is fetched, by their field. */
  contents: Record<string, string>
  webhook?: { url: string; events?: readonly JobEvent['type'][] | undefined }
  /** What the result's pictures are fitted to. */
  frame: OutputFrame
  /** Where a loop begins again its last picture fades into the first ones. */
  softCut?: true
}

export interface ParseOptions extends InputRules {
  /** Whether `aspect_ratio` and `resolution` count where the job does not say so itself. */
  fitOutput?: ResizePolicy
  /** What a result says of how it was made, and whether it does where the job does not say so; no where unset. */
  provenance?: { version: string; unasked: boolean }
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
  if (Array.isArray(payload)) {
    throw invalidJobError([{ path: [], message: 'it is a list, and must be an object' }])
  }
  const parsed = v.safeParse(JobSchema, payload, { abortPipeEarly: true })
  const problems = [
    ...schemaProblems(payload, parsed.issues),
    ...inputProblems(payload, rules),
    ...lengthProblems(payload),
    ...outputProblems(payload),
  ]
  if (!parsed.success || problems.length > 0) throw invalidJobError(problems)
  const { musetalk_job_id, webhook, aspect_ratio, resolution, ...job } = parsed.output
  const { video: _v, audio: _a, video_base64: _vb, audio_base64: _ab, ...known } = job
  const { params: _params, seed: _seed, sync_mode, loop_cut, audio_url: _au, ...said } = known
  const { face: _f, speech: _s, segments, faces: _fs, ...fields } = said
  const inputs = { video_url: inputOf(job, 'video')!, voices: voicesOf(job) }
  // What is spoken in parts of a video lasts as long as the video.
  const isUnset = (payload as { length?: unknown }).length === undefined
  const length = segments && isUnset ? 'video' : job.length
  const wanted = { aspect_ratio, resolution }
  const frame = resolveOutputFrame(job.output.fit, wanted, rules.fitOutput ?? 'source')
  if (Array.isArray(frame)) throw invalidJobError(frame)
  const id = job.id ?? musetalk_job_id ?? sanitizeId(platformId)
  return {
    ...fields,
    id: id ?? randomUUID(),
    isNamed: id !== undefined,
    ...inputs,
    length: sync_mode === undefined ? length : LENGTH_OF_SYNC_MODE[sync_mode],
    contents: contentsOf(inputsOf(inputs), rules),
    frame,
    ...(loop_cut === 'soft' && { softCut: true }),
    output: withoutDefaults(job.output, rules.provenance?.unasked ?? false),
    ...(webhook !== undefined && {
      webhook: typeof webhook === 'string' ? { url: webhook } : webhook,
    }),
  }
}

/** Two names of one thing may only say the same; what only a loop has needs one. */
function lengthProblems(payload: unknown): ValidationIssue[] {
  if (!isObject(payload)) return []
  const { length, sync_mode, loop_cut } = payload
  const meant = (LENGTH_OF_SYNC_MODE as Record<string, string>)[String(sync_mode)]
  const problems: ValidationIssue[] = []
  if (length !== undefined && meant !== undefined && length !== meant) {
    const message = `means length "${meant}"; give one of them, or both alike`
    problems.push({ path: ['sync_mode'], message })
  }
  if (loop_cut !== undefined && (meant ?? length) !== 'loop') {
    problems.push({ path: ['loop_cut'], message: 'counts only with length "loop"' })
  }
  return problems
}

/** A platform's id in the characters of ours, because it may become an object's name. */
function sanitizeId(platformId: string | undefined): string | undefined {
  const id = platformId?.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '')
  return id ? id.slice(0, 200) : undefined
}

/** Name of the job's object in the store. */
export const objectName = ({ id, output }: Job): string =>
  output.key ?? `${id}.${extensionOf(output)}`
