import * as v from 'valibot'
import type { JobContext } from './job-context.ts'
import { InputError } from './errors.ts'
import { isPath } from './inputs/input-address.ts'
import { inputsOf } from './job/job-inputs.ts'
import { inputDigest } from './job/input-digest.ts'
import { objectName, type Job } from './job/parse-job.ts'
import { findPictures } from './upload-pictures.ts'
import type { JobResult, StoredPicture } from './events/job-events.ts'
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
  /** Without what is only one caller's: URLs, which may be signed, and the metadata. */
  result: Omit<JobResult, 'output_url' | 'poster' | 'preview' | 'metadata' | 'deduplicated'>
}

/** Raised whenever the digest of the same job changes: else its id would count as used for another. */
const INPUT_FORMAT = 4

const StoredSidecar = v.looseObject({
  job_id: v.string(),
  input_sha256: v.string(),
  input_format: v.literal(INPUT_FORMAT),
  etag: v.optional(v.string()),
  result: v.looseObject({ bytes: v.number(), sha256: v.string(), frames: v.number() }),
})

export function buildSidecar(job: Job, result: JobResult, etag?: string): ResultMetadata {
  const { output_url: _url, poster: _poster, preview: _preview, ...own } = result
  const { metadata: _metadata, deduplicated: _deduplicated, ...rest } = own
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
  if (Object.values(inputsOf(job)).some(isPath)) return undefined
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
  const pictures = await findPictures(job, ctx)
  if (!pictures) return undefined
  const { key, url } = found
  const stored = result as unknown as ResultMetadata['result']
  const where = { key, output_url: url, ...pictures }
  return { ...stored, ...where, metadata: job.metadata, deduplicated: true }
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

/** Whether the objects of a result that was given before are there, and are that result's. */
export async function isStillStored(
  name: string,
  answer: JobResult,
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  const { job_id, bytes, sha256, poster, preview } = answer
  const found = await storage.find(name, signal)
  const sidecar = v.safeParse(StoredSidecar, found?.sidecar)
  if (!found || !sidecar.success || !isSameObject(found, sidecar.output)) return false
  const { result, ...stored } = sidecar.output
  const isSame = stored.job_id === job_id && result.bytes === bytes && result.sha256 === sha256
  if (!isSame) return false
  for (const picture of [poster, preview]) {
    if (picture && !(await isPictureStored(name, picture, storage, signal))) return false
  }
  return true
}

/** One that was put to a place of the job's own cannot be looked for. */
async function isPictureStored(
  video: string,
  { key, bytes }: StoredPicture,
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  const name = `${video}${/\.(?:poster|preview)\.\w+$/.exec(key)?.[0] ?? ''}`
  if (name === video || !key.endsWith(name)) return true
  return (await storage.find(name, signal))?.bytes === bytes
}
