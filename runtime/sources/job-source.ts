import type { ErrorPayload, JobError } from '../../handler/errors.ts'
import type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
import type { HeartbeatRequest } from './heartbeat/heartbeat-thread.ts'

/** A job that was handed to this worker: nobody else's until its outcome is reported. */
export interface Lease {
  /** What the source calls the job. */
  id: string
  /** What `handle()` takes, in our vocabulary. */
  payload: unknown
  /** A second name, where reports go by another one than the job. */
  ref?: string
  /** What is wrong with it, where its source's envelope was not right; it fails with that. */
  inputError?: string
  /** Limit of the run in milliseconds, if shorter than the worker's own. */
  timeoutMs?: number
}

/** A lease without its job: what has to be remembered until the source knows the outcome. */
export type LeaseRef = Pick<Lease, 'id' | 'ref'>

export const refOf = ({ id, ref }: LeaseRef): LeaseRef => ({
  id,
  ...(ref !== undefined && { ref }),
})

/** One source may hand a job out twice, under two references, and waits for the outcome of both. */
export const leaseKey = ({ id, ref }: LeaseRef): string =>
  ref === undefined ? id : JSON.stringify([id, ref])

export type Outcome =
  | { status: 'succeeded'; result: JobResult }
  /** `progress`: what was reached before it failed. */
  | { status: 'failed'; error: ErrorPayload; fault: JobError['fault']; progress: number }

/** An outcome that the source has to acknowledge; kept on disk until it has. */
export interface CompletedLease {
  held: LeaseRef
  outcome: Outcome
  /** ISO 8601. */
  at: string
}

/** How busy the worker is. */
export interface WorkerStatus {
  /** Jobs that are this worker's, and outcomes that are not delivered yet; the oldest first. */
  held: readonly LeaseRef[]
  /** Whether the models are warm, or why they cannot be. */
  ready: boolean
  broken?: string
}

/**
 * Who gives jobs: an orchestrator, a buffer, a platform's queue. It is talked to in single tries; who
 * calls it repeats them.
 */
export interface Source {
  readonly name: 'orchestrator' | 'buffer' | 'runpod' | 'bullmq'
  /** What this worker is called there. */
  readonly workerId: string
  /** Pause after an answer that brought no job, in milliseconds. */
  readonly pollMs: number
  /**
   * Whether it wants to be told, after a crash, of the jobs that the crash ended; a platform that
   * finds out by itself would take the message for a final failure.
   */
  readonly reportsInterrupted: boolean
  /** How often it is told that this worker lives, and what that request may take. */
  readonly heartbeat: { everyMs: number; timeoutMs: number }
  /**
   * Ask for jobs.
   * @param capacity how many can be taken, at least 1
   * @param held those that this worker has
   * @param signal aborted when the worker stops: an answer that is underway then still counts
   * @throws NetworkError, whose `afterMs` is obeyed; the signal's reason
   */
  claim(capacity: number, held: readonly LeaseRef[], signal: AbortSignal): Promise<Lease[]>
  /**
   * Report how far a job is; never its end. One try.
   * @returns `revoked` where the source says that the job is not this worker's any more
   * @throws NetworkError
   */
  progress(lease: LeaseRef, event: JobEvent, signal: AbortSignal): Promise<'accepted' | 'revoked'>
  /**
   * Deliver an outcome. One try.
   * @returns `refused` where the source will never take it: the job is unknown, or another's
   * @throws NetworkError where another try may help
   */
  deliver(completion: CompletedLease, signal: AbortSignal): Promise<'delivered' | 'refused'>
  /** The sign of life, or undefined where none is wanted. */
  heartbeatRequest(status: WorkerStatus): HeartbeatRequest | undefined
  /** Told of the answer to each beat; undefined: none came. */
  onHeartbeatResponse?(status: number | undefined): void
  /**
   * Ids of jobs that the source wants stopped, as they come. It knows their end, so nothing is
   * reported. Ends when the signal aborts; never throws.
   */
  cancellations?(signal: AbortSignal): AsyncIterable<string>
}
