import type { Log } from '../../handler/log.ts'
import type { JobEvent } from '../../handler/events/job-events.ts'
import type { LeaseRef, Source } from './job-source.ts'

/**
 * Reports one job's progress: one message at a time, the latest wins, each tried once. When `end()` has
 * resolved nothing more is on its way, so that no progress can overtake the outcome.
 */
export interface ProgressReporter {
  report(event: JobEvent): void
  end(): Promise<void>
}

/** @param gone called when the source says that the job is not ours any more */
export function createProgressReporter(
  progress: Source['progress'],
  held: LeaseRef,
  gone: () => void,
  log: Log,
): ProgressReporter {
  let waiting: JobEvent | undefined
  let delivery: Promise<void> | undefined
  let over = false

  /** Never throws. */
  async function work(): Promise<void> {
    for (let event; (event = waiting) && !over;) {
      waiting = undefined
      try {
        // The try has its own time limit: cutting it short would leave it underway, unseen.
        const answer = await progress(held, event, new AbortController().signal)
        if (answer === 'accepted') continue
        over = true
        gone()
      } catch (error) {
        log.warn('progress.undelivered', { job: held.id, reason: (error as Error).message })
      }
    }
    delivery = undefined
  }
  return {
    report(event) {
      if (over || event.status !== 'running') return
      waiting = event
      delivery ??= work()
    },
    async end() {
      over = true
      await delivery
    },
  }
}
