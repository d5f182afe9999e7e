import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { JobResult } from '../../../handler/events/job-events.ts'
import { sha256File } from '../../../models/system/sha256-file.ts'
import { writeAtomically } from '../../../models/system/write-atomic.ts'
import type { Destination } from './destination.ts'
import { SubmitError } from './submit-error.ts'

/**
 * Fetch a job's video to a file of this machine, and see that it is the one.
 * @throws SubmitError DOWNLOAD_FAILED; the signal's reason
 */
export async function downloadResult(
  { id, result }: { id: string; result: JobResult },
  destination: Destination,
  out: string,
  signal: AbortSignal,
): Promise<void> {
  const { url, headers = {} } = destination.videoRequest(id, result)
  if (!/^https?:/.test(url)) throw failed(`only the worker's own machine can read ${url}`)
  try {
    const { ok, status, body } = await fetch(url, { headers, signal })
    if (!ok || !body) throw failed(`the result's server answered ${status}`)
    await writeAtomically(out, async (partial) => {
      const bytes = Readable.fromWeb(body)
      await pipeline(bytes, createWriteStream(partial, { flags: 'wx' }), { signal })
      if ((await sha256File(partial, signal)) !== result.sha256) {
        throw failed('the file has other bytes than the worker has made')
      }
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof SubmitError ? error : failed((error as Error).message, error)
  }
}

const failed = (message: string, cause?: unknown) =>
  new SubmitError({ code: 'DOWNLOAD_FAILED', message, retryable: true }, 'upstream', { cause })
