import type { JobEvent } from '../../handler/events/job-events.ts'
import type { JobQueue } from './job-queue.ts'
import { isFinal, type Job } from './job-record.ts'

/** Hand every event of a job to `each`, from the first one on; resolves when the job has ended. */
export async function forEachEvent(
  jobs: JobQueue,
  job: Job,
  each: (event: JobEvent) => void,
): Promise<void> {
  const forever = new AbortController().signal
  for (let seen = 0; ;) {
    for (const event of job.events.from(seen)) each(event)
    seen = job.events.end
    if (isFinal(job)) return
    await jobs.changed(job, forever)
  }
}
