import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type * as v from 'valibot'
import { asJobError, InputError, type JobError } from '../../handler/errors.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { response } from './describe-operation.ts'
import { BodyTooLarge } from './read-json.ts'

/** Body of a refusal that concerns the request, not a job. */
export function errorBody(code: string, message: string) {
  return { error: { code, message, retryable: false } }
}

/** HTTP status of a job that was not taken. */
export function httpStatusOf(error: JobError): ContentfulStatusCode {
  if (error instanceof BodyTooLarge || error.code === 'MEDIA_TOO_LARGE') return 413
  if (error.code === 'JOB_CONFLICT') return 409
  if (error instanceof InputError) return 422
  if (error.code === 'BUSY') return 429
  return error.retryable ? 503 : 500
}

/** Tells a client that was refused for now when to come back. */
export function setRetryAfter(c: Context, error: JobError, jobs: JobQueue): void {
  if (error.retryable) c.header('Retry-After', String(jobs.retryAfter()))
}

/** Answers whoever sent a job that was not taken. */
export function refuseJob(c: Context, thrown: unknown, jobs: JobQueue) {
  const error = asJobError(thrown)
  setRetryAfter(c, error, jobs)
  return c.json({ error: error.toJSON(), ...validationDetails(error) }, httpStatusOf(error))
}

/** Every bad field of a job, in the form the legacy worker's callers know. */
export function validationDetails(error: JobError) {
  const problems = error instanceof InputError ? error.problems : []
  if (problems.length === 0) return {}
  const type = (message: string) => (message === 'is required' ? 'missing' : 'value_error')
  const detail = problems.map(({ path, message }) => ({
    loc: ['body', ...path],
    msg: message,
    type: type(message),
  }))
  return { detail }
}

/** Why a job may not be taken, by status. @param body schema of the API's own error body */
export const rejections = (body: v.GenericSchema) => ({
  409: response('The id, or the Idempotency-Key, is that of another job.', body),
  413: response('The body is larger than MAX_BODY_MB.', body),
  422: response('The job is not valid; `detail` names each bad field.', body),
  429: { ...response('The queue is full.', body), headers: RETRY_AFTER },
  503: { ...response('The worker shuts down or cannot render.', body), headers: RETRY_AFTER },
})

const RETRY_AFTER = {
  'Retry-After': { schema: { type: 'integer' }, description: 'Seconds after which to come back' },
}

/** What the client's own address for this worker is. */
export function requestOrigin(c: Context, publicBaseUrl: string | undefined): string {
  return (publicBaseUrl ?? new URL(c.req.url).origin).replace(/\/+$/, '')
}
