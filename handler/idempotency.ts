import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { JobContext } from './context.ts'
import { InputError } from './errors.ts'
import { inputKind, isPath } from './inputs/input-address.ts'
import { objectName, type Job } from './parse-job.ts'
import { stripSignature } from './signed-url.ts'
import type { JobResult } from './events/job-events.ts'
import type { Storage, StoredResult } from './storage/storage.ts'

/** What is stored beside a result, so that the same job finds it again. */
export interface ResultMetadata {
  job_id: string
  /** Of what was asked for; see `inputDigest`. */
  input_sha256: string
  /** How that was computed; a result whose digest is of another form is rendered anew. */
  input_format: number
  created_at: string
  /** Of an object that cannot say its SHA-256. */
  etag?: string
  /** Without what is only one caller's: the URL, which may be signed, and the metadata. */
  result: Omit<JobResult, 'output_url' | 'metadata' | 'deduplicated'>
}

/** Raised whenever the digest of the same job changes: else its id would count as used for another. */
const INPUT_FORMAT = 3

const StoredSidecar = v.looseObject({
  job_id: v.string(),
  input_sha256: v.string(),
  input_format: v.literal(INPUT_FORMAT),
  etag: v.optional(v.string()),
  result: v.looseObject({ bytes: v.number(), sha256: v.string(), frames: v.number() }),
})

export function buildSidecar(job: Job, result: JobResult, etag?: string): ResultMetadata {
  const { output_url: _url, metadata: _metadata, deduplicated: _deduplicated, ...rest } = result
  return {
    job_id: job.id,
    input_sha256: inputDigest(job),
    input_format: INPUT_FORMAT,
    created_at: new Date().toISOString(),
    ...(etag !== undefined && { etag }),
    result: rest,
  }
}

/**
 * The stored result of the same job, if its video is there and is the one that was written.
 * A store that cannot be asked now is no reason to fail: the job is rendered, as it would have been.
 *
 * @throws InputError JOB_CONFLICT when the id was used for another input
 */
export async function findStoredResult(job: Job, ctx: JobContext): Promise<JobResult | undefined> {
  // A path may hold something else tomorrow; a presigned URL can only be written to.
  if (job.force || job.output.url !== undefined) return undefined
  if (isPath(job.video_url) || isPath(job.audio_url)) return undefined
  const found = await ctx.storage.find(objectName(job), ctx.signal).catch((error: Error) => {
    ctx.signal.throwIfAborted()
    ctx.log.warn('find.failed', { reason: error.message })
  })
  const sidecar = v.safeParse(StoredSidecar, found?.sidecar)
  if (!found || !sidecar.success || sidecar.output.job_id !== job.id) return undefined
  const { input_sha256, result } = sidecar.output
  // Another video than the side-car tells of: a run ended between writing one and the other.
  if (!isSameObject(found, sidecar.output)) return undefined
  if (input_sha256 !== inputDigest(job)) {
    throw new InputError('JOB_CONFLICT', `the id "${job.id}" was used for another input`)
  }
  const { key, url } = found
  const stored = result as unknown as ResultMetadata['result']
  return { ...stored, key, output_url: url, metadata: job.metadata, deduplicated: true }
}

type Sidecar = v.InferOutput<typeof StoredSidecar>

/** A store that was not told the SHA-256 knows its own name for the bytes. */
function isSameObject(found: StoredResult, { result, etag }: Sidecar): boolean {
  const isSame =
    found.sha256 === undefined
      ? found.etag !== undefined && found.etag === etag
      : found.sha256 === result.sha256
  return isSame && result.bytes === found.bytes
}

/** Whether the object of a result that was given before is there, and is that result's. */
export async function isStillStored(
  name: string,
  { job_id, bytes, sha256 }: JobResult,
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await storage.find(name, signal)
  const sidecar = v.safeParse(StoredSidecar, found?.sidecar)
  if (!found || !sidecar.success || !isSameObject(found, sidecar.output)) return false
  const { result, ...stored } = sidecar.output
  return stored.job_id === job_id && result.bytes === bytes && result.sha256 === sha256
}

/**
 * What a job's video does not depend on, or depends on by another name (`fit` by `frame`). All else
 * that a job says is in its digest, and so is every field that the schema will get.
 */
export const OUTSIDE_DIGEST = {
  job: ['id', 'webhook', 'metadata', 'force', 'output', 'contents'],
  output: ['url', 'key', 'disposition', 'fit', 'stream'],
} as const satisfies { job: (keyof Job)[]; output: (keyof Job['output'])[] }

/** SHA-256 over all of a job that its video depends on. */
export function inputDigest(job: Job): string {
  const fields = without(job, OUTSIDE_DIGEST.job)
  const input = {
    ...fields,
    video_url: identify(job, 'video_url'),
    audio_url: identify(job, 'audio_url'),
    output: without(job.output, OUTSIDE_DIGEST.output),
  }
  return createHash('sha256').update(canonicalJson(input)).digest('hex')
}

const without = (value: object, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))

/** JSON in which the order of an object's fields plays no part. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

/** An input by its content, where that is known: the same file may be sent under any number of names. */
function identify(job: Job, field: 'video_url' | 'audio_url'): string {
  const sha256 = job.contents[field]
  if (sha256 !== undefined) return `sha256:${sha256}`
  return inputKind(job[field]) === 'http' ? stripSignature(job[field]) : job[field]
}
