import type { JobError } from '../../handler/errors.ts'
import type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
import { buildFinalEvent, EventLog, forCaller } from './event-log.ts'
import type { JobCaller } from './job-identity.ts'
import { isFinal, type MutableJob, type Submission } from './job-record.ts'

// What each step of a job does to its record. When a step is taken, JobQueue decides.

/** What an attempt, or whoever gave the job up, makes of it. */
export type JobOutcome = { result: JobResult } | { error: JobError }
export type FinalState = 'succeeded' | 'failed' | 'canceled'

/** (new) → queued: a job as its first caller has submitted it. */
export const createJob = (
  submission: Submission,
  identity: Pick<MutableJob, 'fingerprint' | 'object' | 'upload' | 'isElsewhere'>,
  { webhook }: JobCaller,
  queued: number,
): MutableJob => ({
  ...submission,
  ...identity,
  ...{ webhooks: new Set(webhook && [webhook.url]), waiters: 0 },
  ...{ state: 'queued', events: new EventLog(), attempts: 0, createdAt: new Date(), queued },
})

/**
 * Have somebody join a job that another caller has submitted: from now on it is shown with the metadata
 * of the later one.
 * @returns whether the caller's webhook has to be told of it: not where it is told already
 */
export function joinJob(entry: MutableJob, detached: boolean, caller: JobCaller): boolean {
  const { metadata, webhook } = caller
  entry.detached ||= detached
  entry.metadata = metadata
  if (entry.result) entry.result = { ...entry.result, metadata }
  if (webhook === undefined) return false
  const isNew = isFinal(entry) || !entry.webhooks.has(webhook.url)
  entry.webhooks.add(webhook.url)
  return isNew
}

/** queued → running. @returns the attempt, which is the job's until that ends or is given up */
export function startAttempt(entry: MutableJob, now: number): AbortController {
  const attempt = new AbortController()
  entry.state = 'running'
  entry.started = now
  entry.attempt = attempt
  entry.attempts++
  return attempt
}

/**
 * Take down what a handler says of its job. Its last word is kept until the handler has ended: whoever
 * hears of the end may ask for the job at once, so the two become known together.
 */
export function recordEvent(entry: MutableJob, event: JobEvent): void {
  const shown = forCaller(event, entry)
  if (shown.status === 'running') entry.events.push(shown)
  else entry.finalEvent = shown
}

/** queued or running → final: told in the handler's own words, where they are of this outcome. */
export function endJob(entry: MutableJob, outcome: JobOutcome, now: number): FinalState {
  delete entry.attempt
  delete entry.video
  const failed = 'error' in outcome && (outcome.error.code === 'CANCELED' ? 'canceled' : 'failed')
  const state = failed || 'succeeded'
  Object.assign(entry, outcome, { state, finished: now })
  const { id, events, finalEvent, metadata } = entry
  if (entry.result && metadata) entry.result = { ...entry.result, metadata }
  const fits = finalEvent?.status === state
  events.push(fits ? finalEvent : buildFinalEvent(id, events, outcome))
  return state
}

/** final → queued: once more, under the same id. */
export function requeueJob(entry: MutableJob): void {
  delete entry.error
  delete entry.finished
  delete entry.finalEvent
  entry.state = 'queued'
}
