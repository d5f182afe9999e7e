import { deserializeError } from '../../../handler/errors.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { runpodError, type Reporter } from '../../runpod/error.ts'
import type { Outcome } from '../job-source.ts'

/** The last word about a job. */
export interface JobOutput {
  output?: unknown
  /** The platform takes a job with one for failed. */
  error?: unknown
  /** Asks the platform to reset this worker. */
  stopPod?: boolean
}

/** The body of a final post (runpod-python rp_http.py). What JSON cannot say becomes an error that tells so. */
export function resultBody({ output, error, stopPod }: JobOutput): string {
  const ending = {
    ...(error !== undefined && { error: asText(error) }),
    ...(stopPod && { stopPod }),
  }
  try {
    return JSON.stringify({ ...(output !== undefined && { output }), ...ending })
  } catch (thrown) {
    const reason = `the result cannot be written as JSON: ${(thrown as Error).message}`
    return JSON.stringify({ ...ending, error: reason })
  }
}

/** The platform takes an object for a success without output, and loses it. */
const asText = (error: unknown): string =>
  typeof error === 'string' ? error : JSON.stringify(error)

export function toJobOutput(outcome: Outcome, worker: Reporter): JobOutput {
  if (outcome.status === 'succeeded') return { output: outcome.result }
  return {
    error: runpodError(deserializeError({ ...outcome.error, fault: outcome.fault }), worker),
  }
}

/** How far a job is; without the status it would be taken for the result. */
export function progressBody({ phase, progress, eta_sec, metrics }: JobEvent): string {
  return JSON.stringify({ status: 'IN_PROGRESS', output: { phase, progress, eta_sec, metrics } })
}

const MB = 1_000_000
const MARGIN = 0.95

/** Bytes that the platform takes as the result of a job: 20 MB where the client waits for it, else 10. */
export const maxResultBytes = (jobId: string): number =>
  (jobId.startsWith('sync-') ? 20 : 10) * MB * MARGIN

/** What is said instead of a result that is not taken. @param why after the size */
export const tooLargeBody = (bytes: number, why: string): string =>
  JSON.stringify({ error: `result too large: ${bytes} bytes ${why}` })
