import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { JobContext } from './context.ts'
import { InputError } from './errors.ts'
import { isPath, objectName, type Job } from './parse-job.ts'
import type { JobResult } from './events/job-events.ts'

/** What is stored beside a result, so that the same job finds it again. */
export interface ResultMetadata {
  job_id: string
  /** Of what was asked for; see `inputDigest`. */
  input_sha256: string
  created_at: string
  /** Without what is only one caller's: the URL, which may be signed, and the metadata. */
  result: Omit<JobResult, 'output_url' | 'metadata' | 'deduplicated'>
}

const StoredSidecar = v.looseObject({
  job_id: v.string(),
  input_sha256: v.string(),
  result: v.looseObject({ bytes: v.number(), sha256: v.string(), frames: v.number() }),
})

export function buildSidecar(job: Job, result: JobResult): ResultMetadata {
  const { output_url: _url, metadata: _metadata, deduplicated: _deduplicated, ...rest } = result
  return {
    job_id: job.id,
    input_sha256: inputDigest(job),
    created_at: new Date().toISOString(),
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
  if (result.bytes !== found.bytes || result.sha256 !== found.sha256) return undefined
  if (input_sha256 !== inputDigest(job)) {
    throw new InputError('JOB_CONFLICT', `the id "${job.id}" was used for another input`)
  }
  const { key, url } = found
  const stored = result as unknown as ResultMetadata['result']
  return { ...stored, key, output_url: url, metadata: job.metadata, deduplicated: true }
}

/** SHA-256 over all of a job that its video depends on. */
export function inputDigest(job: Job): string {
  const { face, length, silence, fps, mask, compat, frame, output } = job
  const urls = [stripSignature(job.video_url), stripSignature(job.audio_url)]
  const { crf, lossless } = output
  const digestInput = [
    face,
    length,
    silence,
    fps ?? null,
    mask,
    compat ?? null,
    frame,
    crf,
    lossless,
  ]
  return createHash('sha256')
    .update(JSON.stringify([urls, digestInput]))
    .digest('hex')
}

/** Query parameters of the storage providers that are new in each signed URL of the same object. */
const SIGNATURE_PARAMS =
  /^(x-amz-.*|x-goog-.*|signature|expires|key-pair-id|policy|awsaccesskeyid|googleaccessid|sig|se|st|sp|sv|sr|spr|skoid|sktid|skt|ske|sks|skv|authorization|x-bz-.*)$/i

function stripSignature(text: string): string {
  if (isPath(text)) return text
  const url = new URL(text)
  for (const name of new Set(url.searchParams.keys())) {
    if (SIGNATURE_PARAMS.test(name)) url.searchParams.delete(name)
  }
  url.hash = ''
  return url.href
}
