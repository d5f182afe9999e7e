import type { Context } from 'hono'
import type { Job, JobChannel } from '../jobs/job-record.ts'
import type { IdempotencyKeys } from '../jobs/idempotency-keys.ts'
import type { AppOptions } from './app-options.ts'
import { requestOrigin } from './responses.ts'

/** What the routes that take jobs share. */
export interface JobIntake extends AppOptions {
  keys: IdempotencyKeys
}

export interface IntakeRules {
  channel: JobChannel
  retentionMs: number
  /** Goes on when nobody attends to it. */
  detached: boolean
  /** Id of a job that names none itself. */
  platformId?: string | undefined
}

/**
 * Give a request's job to the queue, once for all requests that bring the same `Idempotency-Key`.
 *
 * @param payload whose inline media are uploads already
 * @throws JobError, the refusal
 */
export async function submitJob(
  c: Context,
  payload: unknown,
  { platformId, ...rules }: IntakeRules,
  { jobs, parse, keys, publicBaseUrl }: JobIntake,
): Promise<Job> {
  const read = () => {
    const keyed = keys.check(c.req.header('idempotency-key'), payload)
    return { keyed, id: parse(payload, platformId ?? keyed.id).id }
  }
  await jobs.recheck(read().id)
  const { keyed, id } = read() // nothing is awaited from here: another may have brought the key meanwhile
  const origin = requestOrigin(c, publicBaseUrl)
  const traceparent = c.req.header('traceparent')
  const job = jobs.submit({ ...rules, id, payload, origin, traceparent })
  keyed.remember()
  return job
}
