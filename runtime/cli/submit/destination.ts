import type { JobResult } from '../../../handler/events/job-events.ts'
import type { ShownProgress } from '../progress-bar.ts'

/** A file of this machine where the job's worker can read it. */
export interface SentFile {
  /** What the job says of it. */
  address: string
  remove(signal: AbortSignal): Promise<void>
}

/** Somebody who has jobs done. All throw SubmitError or JobError, and the signal's reason. */
export interface Destination extends AsyncDisposable {
  /** What people call it. */
  name: string
  /** @param onProgress told of the share that has arrived, 0..1 */
  sendFile(
    path: string,
    signal: AbortSignal,
    onProgress: (share: number) => void,
  ): Promise<SentFile>
  /**
   * Stopped meanwhile, it still waits a moment for the answer: who does not know the id cannot cancel.
   * @returns the job's id
   */
  submit(job: Record<string, unknown>, signal: AbortSignal): Promise<string>
  /** Resolves when the job has succeeded. @param onProgress told what is new before the end */
  follow(
    id: string,
    onProgress: (progress: ShownProgress) => void,
    signal: AbortSignal,
  ): Promise<JobResult>
  cancel(id: string, signal: AbortSignal): Promise<void>
  /** Where the video can be fetched from here. */
  videoRequest(id: string, result: JobResult): { url: string; headers?: Record<string, string> }
}

/** How long the answer to a job that was sent is waited for after Ctrl-C. */
export const SUBMIT_GRACE_MS = 5_000

export const waiting: ShownProgress = {
  ...{ status: 'queued', phase: 'queued', progress: 0, eta_sec: null, metrics: {} },
}
