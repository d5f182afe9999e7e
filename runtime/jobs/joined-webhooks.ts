import type { Webhooks } from '../../handler/events/webhook-sender.ts'
import { withLogFields, type Log } from '../../handler/log.ts'
import { forCaller } from './event-log.ts'
import { forEachEvent } from './follow-job.ts'
import type { JobCaller } from './job-identity.ts'
import type { JobQueue } from './job-queue.ts'
import { isFinal, type Job } from './job-record.ts'

/**
 * Tell the webhook of a caller that has joined a job what happens to it, with the caller's own metadata:
 * of one that is over, how it ended.
 */
export function notifyJoinedCaller(
  jobs: JobQueue,
  job: Job,
  caller: JobCaller,
  webhooks: Webhooks,
  log: Log,
): void {
  if (!caller.webhook) return
  const send = webhooks.to(caller.webhook, withLogFields(log, { job: job.id }))
  if (isFinal(job)) {
    if (job.events.last) send(forCaller(job.events.last, caller))
    return
  }
  void forEachEvent(jobs, job, (event) => send(forCaller(event, caller)))
}
