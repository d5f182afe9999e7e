import type { JobContext } from './job-context.ts'
import { buildSidecar } from './idempotency.ts'
import { objectName, type Job } from './job/parse-job.ts'
import type { JobResult } from './events/job-events.ts'
import { UpstreamError } from './errors.ts'
import { presignedStorage } from './storage/presigned.ts'
import type { ResultFile } from './result-file.ts'
import type { Storage, StoredObject } from './storage/storage.ts'

/**
 * Store the finished video, and know that it is there.
 * @throws UpstreamError UPLOAD_FAILED, WorkerError DISK_FULL, InputError BLOCKED_URL
 */
export async function upload(
  job: Job,
  file: ResultFile,
  storage: Storage,
  ctx: JobContext,
): Promise<StoredObject> {
  const start = performance.now()
  const stored =
    (await file.complete()) ??
    (await storage.put(objectName(job), file.path, ctx.signal, job.output.disposition))
  const seconds = (performance.now() - start) / 1000
  ctx.onTransfer?.({ direction: 'out', bytes: stored.bytes, seconds })
  return stored
}

/**
 * Write the result beside the video. The video is stored and checked, so the job has succeeded
 * whatever becomes of this; without it the same job would be rendered again.
 */
export async function storeMetadata(
  job: Job,
  result: JobResult,
  { etag }: StoredObject,
  storage: Storage,
  ctx: JobContext,
): Promise<void> {
  try {
    await storage.putMetadata(objectName(job), buildSidecar(job, result, etag), ctx.signal)
  } catch (error) {
    ctx.log.warn('sidecar.failed', { reason: (error as Error).message })
  }
}

/** Else it would be found after the whole render. @throws UpstreamError UPLOAD_FAILED */
export function assertStorable({ output }: Job, { storageProblem }: JobContext): void {
  const problem = output.url === undefined ? storageProblem?.() : undefined
  if (problem === undefined) return
  const message = `results cannot be stored now: ${problem}`
  throw new UpstreamError('UPLOAD_FAILED', message, { stage: 'upload' })
}

/** A presigned URL of the job's own wins over the worker's storage. */
export function selectStorage({ output }: Job, { storage, fetch, timeouts }: JobContext): Storage {
  return output.url === undefined ? storage : presignedStorage(output.url, fetch, timeouts)
}
