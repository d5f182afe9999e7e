import type { JobError } from '../../handler/errors.ts'
import type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
import { buildFinalEvent, forCaller } from './event-log.ts'
import type { MutableJob } from './job-record.ts'

/**
 * Take down what a handler says of its job. Its last word is kept until the handler has ended: whoever
 * hears of the end may ask for the job at once, so the two become known together.
 */
export function recordEvent(entry: MutableJob, event: JobEvent): void {
  const shown = forCaller(event, entry)
  if (shown.status === 'running') entry.events.push(shown)
  else entry.finalEvent = shown
}

/** Take down that a job has ended: in its handler's own words, where they are of this outcome. */
export function recordEnd(
  entry: MutableJob,
  outcome: { result: JobResult } | { error: JobError },
): void {
  const { id, events, finalEvent, state } = entry
  const fits = finalEvent?.status === state
  events.push(fits ? finalEvent : buildFinalEvent(id, events, outcome))
}
