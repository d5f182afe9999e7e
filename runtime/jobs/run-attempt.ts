import { asJobError } from '../../handler/errors.ts'
import type { JobEvent } from '../../handler/events/job-events.ts'
import type { GrowingFile } from '../../handler/system/growing-file.ts'
import type { Clock } from './clock.ts'
import type { JobHandler, MutableJob } from './job-record.ts'
import { recordEvent, startAttempt, type JobOutcome } from './job-transitions.ts'

interface AttemptOptions {
  handle: JobHandler
  /** Longest run, where the job itself asks for no shorter one. */
  limitMs: number
  clock: Clock
  /** Told of every change of the record. */
  onChange: () => void
  /** Has to give the job up. */
  onOverrun: () => void
}

/**
 * Have the handler do a queued job once. What it says counts only while the attempt is the job's: whoever
 * gives the job up settles its outcome, and its handler may need a while to hear of that. Never rejects.
 * @returns when the handler has really ended; undefined where the job was given up before
 */
export async function runAttempt(
  entry: MutableJob,
  { handle, limitMs, clock, onChange, onOverrun }: AttemptOptions,
): Promise<JobOutcome | undefined> {
  const attempt = startAttempt(entry, clock.now())
  onChange()
  const isCurrent = () => entry.attempt === attempt
  const disarm = clock.schedule(Math.min(entry.timeoutMs ?? limitMs, limitMs), () => {
    if (isCurrent()) onOverrun()
  })
  const onEvent = (event: JobEvent) => {
    if (!isCurrent()) return
    recordEvent(entry, event)
    onChange()
  }
  const onVideo = (video: GrowingFile) => {
    if (!isCurrent()) return
    entry.video = video
    onChange()
  }
  const { signal } = attempt
  const { id, origin, traceparent } = entry
  let outcome: JobOutcome
  try {
    const call = { id, origin, traceparent, signal, onEvent, onVideo }
    outcome = { result: await handle(entry.payload, call) }
  } catch (thrown) {
    outcome = { error: asJobError(thrown, signal) }
  } finally {
    disarm()
  }
  return isCurrent() ? outcome : undefined
}
