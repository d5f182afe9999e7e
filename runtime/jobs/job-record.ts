import type { HandleOptions } from '../../handler/job-context.ts'
import type { JobError } from '../../handler/errors.ts'
import type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
import type { GrowingFile } from '../../handler/system/growing-file.ts'
import type { Shutdown } from '../shutdown.ts'
import type { Clock } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { JobCaller, Parse } from './job-identity.ts'

export type JobChannel = 'generate' | 'jobs' | 'runpod' | 'sync' | 'pull'
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'

export interface Submission {
  id: string
  payload: unknown
  channel: JobChannel
  /** Where the submitter reached this worker: prefix of the result's URL. */
  origin: string
  /** Milliseconds after its end in which the outcome can be asked for. */
  retentionMs: number
  /** Limit of the run, if shorter than the worker's own. */
  timeoutMs?: number
  /** From submission: the job is dropped then, in whatever state. */
  ttlMs?: number
  /** Goes on when nobody attends to it. */
  detached: boolean
  /** W3C trace context of the request that brought it. */
  traceparent?: string | undefined
}

/** A job as the channels see it; only the store changes one. */
export interface Job extends Readonly<Submission> {
  readonly state: JobState
  readonly events: EventLog
  readonly result?: JobResult
  readonly error?: JobError
  /** While it is rendered, if it wants to be watched then. */
  readonly video?: GrowingFile
  readonly attempts: number
  readonly createdAt: Date
  /** Milliseconds of the store's clock. */
  readonly queued: number
  readonly started?: number
  readonly finished?: number
}

/** A job as the store holds it. */
export type MutableJob = { -readonly [K in keyof Job]: Job[K] } & {
  fingerprint: string
  object: string
  upload?: string | undefined
  isElsewhere: boolean
  /** Of the latest caller, where that is another one than the first. */
  metadata?: Record<string, unknown>
  /** Addresses that are told of it. */
  webhooks: Set<string>
  /** The attempt that runs, while it does. */
  attempt?: AbortController | undefined
  /** This attempt's last event, until the job has ended. */
  finalEvent?: JobEvent | undefined
  waiters: number
}

/** `handle()` with all it needs, as the store calls it. */
export type JobHandler = (
  payload: unknown,
  call: HandleOptions & { origin: string },
) => Promise<JobResult>

export const isFinal = ({ state }: Pick<Job, 'state'>): boolean =>
  state !== 'queued' && state !== 'running'

/** What the queue needs of its worker. */
export interface JobQueueOptions {
  handle: JobHandler
  parse: Parse
  /** Handlers in flight. */
  slots: number
  /** Jobs that may wait for a slot. */
  queueLimit: number
  /** Longest run. */
  limitMs: number
  stop: Shutdown
  /** Why no job can be taken now, if so. */
  unavailable?: () => JobError | undefined
  /** Told of a caller whose webhook joins a job that somebody else has submitted; may not throw. */
  onJoin?: (job: Job, caller: JobCaller) => void
  /** Whether a result is still where it was stored; it is taken to be where unset. Never rejects. */
  isStored?: (object: string, result: JobResult) => Promise<boolean>
  /** Told of every outcome; may not throw. */
  onEnd?: (job: Job) => void
  clock?: Clock
}
