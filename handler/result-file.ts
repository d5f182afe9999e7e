import { join } from 'node:path'
import type { JobContext } from './job-context.ts'
import { CanceledError } from './errors.ts'
import { extensionOf } from './render/encode/output-formats.ts'
import { objectName, type Job } from './job/parse-job.ts'
import type { Storage, StoredObject } from './storage/storage.ts'
import { createGrowingFile } from './system/growing-file.ts'

/** The video of a job while it is made. Disposing drops what was stored of one that is not finished. */
export interface ResultFile extends AsyncDisposable {
  path: string
  /** More of it was encoded. */
  grown(): void
  /** Its render begins anew. */
  restarted(): void
  /**
   * It is finished.
   * @returns what was stored of it meanwhile: all, or nothing
   */
  complete(): Promise<StoredObject | undefined>
}

/** Where the render writes to. With `output.stream` it can be watched, and goes to the store, meanwhile. */
export function openResultFile(job: Job, storage: Storage, ctx: JobContext): ResultFile {
  const path = join(ctx.dir, `result.${extensionOf(job.output)}`)
  if (job.output.stream) return streamedFile(path, job, storage, ctx)
  return {
    path,
    grown() {},
    restarted() {},
    complete: async () => undefined,
    async [Symbol.asyncDispose]() {},
  }
}

function streamedFile(path: string, job: Job, storage: Storage, ctx: JobContext): ResultFile {
  const { signal, log, timeouts, onVideo } = ctx
  const given = new AbortController()
  let file = createGrowingFile(path)
  onVideo(file)
  // What goes wrong on the way is no reason to fail: the finished file can be stored as any other.
  const stored = storage
    .putGrowing?.(
      objectName(job),
      file,
      AbortSignal.any([signal, given.signal]),
      job.output.disposition,
    )
    .catch((error: Error) => {
      if (!signal.aborted) log.warn('stream.failed', { reason: error.message })
      return undefined
    })
  const unfinished = () => new CanceledError('CANCELED', 'the video was not finished')
  return {
    path,
    grown: () => file.grown(),
    restarted() {
      file.fail(unfinished())
      file = createGrowingFile(path)
      onVideo(file)
    },
    async complete() {
      file.complete()
      const late = setTimeout(() => given.abort(new Error('took too long')), timeouts.uploadMs)
      return stored?.finally(() => clearTimeout(late))
    },
    async [Symbol.asyncDispose]() {
      file.fail(unfinished())
      await stored
    },
  }
}
