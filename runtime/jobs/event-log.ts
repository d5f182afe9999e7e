import type { JobError } from '../../handler/errors.ts'
import type { EventBase, JobEvent, JobResult } from '../../handler/events/job-events.ts'

/** An hour of one event a second, and the phases; older ones are forgotten. */
const MAX_EVENTS = 4000

/** One job's events, over all its attempts, numbered without a gap. */
export class EventLog {
  #events: JobEvent[] = []
  #forgotten = 0

  push(event: JobEvent): void {
    this.#events.push({ ...event, seq: this.end })
    if (this.#events.length <= MAX_EVENTS) return
    this.#events.shift()
    this.#forgotten++
  }

  /** The number of the next event. */
  get end(): number {
    return this.#forgotten + this.#events.length
  }

  get last(): JobEvent | undefined {
    return this.#events.at(-1)
  }

  /** Events from that number on. */
  from(seq: number): JobEvent[] {
    return this.#events.slice(Math.max(0, seq - this.#forgotten))
  }
}

/**
 * The final event of a job that ended without one: it could not be parsed, or it was given up before
 * or faster than `handle()` could say so.
 */
export function buildFinalEvent(
  jobId: string,
  log: EventLog,
  outcome: { result: JobResult } | { error: JobError },
): JobEvent {
  const last = log.last
  const head: EventBase = {
    seq: log.end,
    job_id: last?.job_id ?? jobId,
    phase: last?.phase ?? 'downloading',
    progress: last?.progress ?? 0,
    eta_sec: null,
    metrics: last?.metrics ?? {},
    metadata: last?.metadata ?? {},
    at: new Date().toISOString(),
  }
  if ('result' in outcome) {
    const { result } = outcome
    return {
      ...head,
      phase: 'completed',
      progress: 1,
      type: 'job.succeeded',
      status: 'succeeded',
      result,
    }
  }
  const error = outcome.error.toJSON()
  if (error.code === 'CANCELED') return { ...head, type: 'job.canceled', status: 'canceled', error }
  return { ...head, type: 'job.failed', status: 'failed', error }
}

/** An event of a job as one of its callers shall see it. */
export function forCaller(
  event: JobEvent,
  { metadata }: { metadata?: Record<string, unknown> },
): JobEvent {
  if (!metadata) return event
  if (event.type !== 'job.succeeded') return { ...event, metadata }
  return { ...event, metadata, result: { ...event.result, metadata } }
}
