import { EventLog } from './event-log.ts'
import type { JobCaller } from './job-identity.ts'
import { isFinal, type JobQueueOptions, type MutableJob, type Submission } from './job-record.ts'

/** A job as its first caller has submitted it. */
export const createJob = (
  submission: Submission,
  identity: Pick<MutableJob, 'fingerprint' | 'object' | 'upload'>,
  { webhook }: JobCaller,
  queued: number,
): MutableJob => ({
  ...submission,
  ...identity,
  ...{ webhooks: new Set(webhook && [webhook.url]), waiters: 0 },
  ...{ state: 'queued', events: new EventLog(), attempts: 0, createdAt: new Date(), queued },
})

/** Whether what memory says of a job is still true: its result is where it was put. */
export async function isUpToDate(
  { result, object, upload }: MutableJob,
  { isStored }: Pick<JobQueueOptions, 'isStored'>,
): Promise<boolean> {
  // What was put to a presigned URL cannot be looked at.
  return !result || upload !== undefined || !isStored || isStored(object, result)
}

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
