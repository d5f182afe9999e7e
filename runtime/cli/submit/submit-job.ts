import { basename } from 'node:path'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { ShownProgress } from '../progress-bar.ts'
import type { Destination, SentFile } from './destination.ts'
import { assertJob, filesOf, mapAddresses } from './job-files.ts'
import { SubmitError } from './submit-error.ts'

export interface SubmitOptions {
  job: Record<string, unknown>
  destination: Destination
  onProgress(progress: ShownProgress): void
  /** Something that whoever waits shall know. */
  onNote(text: string): void
  signal: AbortSignal
}

/** For what is cleared away after the job, or after Ctrl-C. */
const CLEANUP_MS = 10_000

/**
 * Have a job done by somebody else: send the files of this machine that it names, send it, follow it to its
 * end, and remove the files. Stopped meanwhile, it cancels the job.
 * @throws UsageError, SubmitError, JobError, the signal's reason
 */
export async function submitJob(
  options: SubmitOptions,
): Promise<{ id: string; result: JobResult }> {
  const { job, destination, onProgress, onNote, signal } = options
  assertJob(job)
  const files = await filesOf(job)
  const sent = new Map<string, SentFile>()
  let last = 0
  let goesOn = false
  try {
    for (const [address, path] of files) {
      const phase = `sending ${basename(path)}`
      const tell = (progress: number) =>
        onProgress({ status: 'running', phase, progress, eta_sec: null, metrics: {} })
      sent.set(address, await destination.sendFile(path, signal, tell))
    }
    const named = mapAddresses(job, (address) => sent.get(address)?.address ?? address)
    const id = await destination.submit(named, signal)
    onNote(`job ${id} is with ${destination.name}`)
    try {
      signal.throwIfAborted()
      const told = (progress: ShownProgress) => {
        last = progress.progress
        onProgress(progress)
      }
      const result = await destination.follow(id, told, signal)
      end('succeeded', 1)
      return { id, result }
    } catch (error) {
      end(signal.aborted ? 'canceled' : 'failed', last)
      if (signal.aborted) await cancel(id)
      else if (error instanceof SubmitError && error.code === 'UNREACHABLE') {
        goesOn = true
        onNote(`nothing is heard of job ${id} any more; it goes on`)
      }
      throw error
    }
  } finally {
    // A job that goes on may still want them.
    if (!goesOn) await Promise.all([...sent.values()].map(remove))
  }

  function end(status: ShownProgress['status'], progress: number): void {
    onProgress({ status, phase: status, progress, eta_sec: null, metrics: {} })
  }
  async function cancel(id: string): Promise<void> {
    await destination.cancel(id, AbortSignal.timeout(CLEANUP_MS)).catch((error: Error) => {
      goesOn = true
      onNote(`job ${id} could not be canceled and goes on: ${error.message}`)
    })
  }
  async function remove({ address, remove }: SentFile): Promise<void> {
    await remove(AbortSignal.timeout(CLEANUP_MS)).catch((error: Error) => {
      onNote(`${withoutQuery(address)} could not be removed: ${error.message}`)
    })
  }
}

/** A signature is nobody's business. */
const withoutQuery = (address: string): string => address.split('?')[0]!
