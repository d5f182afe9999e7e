import type { Call } from '../../handler/context.ts'
import type { JobError } from '../../handler/errors.ts'
import type { JobResult } from '../../handler/events/job-events.ts'
import type { EventLog } from './event-log.ts'

export type Shape = 'generate' | 'jobs' | 'runpod' | 'pull'
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'

export interface Submission {
  id: string
  payload: unknown
  shape: Shape
  /** Where the submitter reached this worker: prefix of the result's URL. */
  origin: string
  /** Milliseconds after its end in which the outcome can be asked for. */
  keepMs: number
  /** Limit of the run, if shorter than the worker's own. */
  runMs?: number
  /** From submission: the job is dropped then, in whatever state. */
  expireMs?: number
  /** Goes on when nobody attends to it. */
  detached: boolean
}

/** A job as the shapes see it; only the store changes one. */
export interface Job extends Readonly<Submission> {
  readonly state: JobState
  readonly events: EventLog
  readonly result?: JobResult
  readonly error?: JobError
  readonly attempts: number
  readonly createdAt: Date
  /** Milliseconds of the store's clock. */
  readonly queued: number
  readonly started?: number
  readonly finished?: number
}

/** `handle()` with all it needs, as the store calls it. */
export type Handle = (payload: unknown, call: Call & { origin: string }) => Promise<JobResult>

export const isFinal = ({ state }: Pick<Job, 'state'>): boolean =>
  state !== 'queued' && state !== 'running'
