import { Hono, type Context } from 'hono'
import * as v from 'valibot'
import { asJobError, type JobError } from '../../../handler/errors.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import {
  describeOperation,
  headerParameter,
  IDEMPOTENCY_KEY,
  response,
} from '../describe-operation.ts'
import { JobReference } from '../response-schemas.ts'
import { rejections, setRetryAfter, validationDetails, httpStatusOf } from '../responses.ts'
import { readJsonBody } from '../read-json.ts'
import {
  LegacyError,
  LegacyResult,
  legacyResponse,
  generateError,
  saladError,
} from './generate-response.ts'
import { spoolInlineMedia } from '../spool-inline-media.ts'
import { submitJob, type JobIntake } from '../submit-job.ts'

const RETENTION_MS = 30 * 60_000

/**
 * The legacy worker's synchronous job (docs/api.md): the answer comes when the video is stored, and a client that goes
 * away cancels. With `Salad-Job-Id` the status codes are those that Salad's sidecar understands.
 */
export function generateRoute(intake: JobIntake): Hono {
  const { jobs, parse, uploads, maxBodyBytes, gpuClass, onAccepted } = intake
  const app = new Hono()

  const respondWithError = (c: Context, error: JobError, payload: unknown, accepted: boolean) => {
    const salad = c.req.header('salad-job-id') !== undefined
    const response = salad ? saladError(error) : generateError(error)
    if (!accepted) setRetryAfter(c, error, jobs)
    const status = accepted || salad ? response.status : httpStatusOf(error)
    return c.json({ ...response.body, ...idOf(payload), ...validationDetails(error) }, status)
  }

  app.post('/generate', describeGenerate, async (c) => {
    let payload: unknown
    let job: Job
    let metadata: Record<string, unknown>
    let wasStored: boolean
    try {
      payload = await spoolInlineMedia(await readJsonBody(c, maxBodyBytes), uploads)
      // Salad's id is the same in each of its four attempts, so that a finished job is found again.
      const platformId = c.req.header('salad-job-id')
      const rules = { channel: 'generate', retentionMs: RETENTION_MS, detached: false } as const
      job = await submitJob(c, payload, { ...rules, platformId }, intake)
      metadata = parse(payload, job.id).metadata
      wasStored = isFinal(job)
      onAccepted?.(job)
    } catch (thrown) {
      return respondWithError(c, asJobError(thrown), payload, false)
    }
    await jobs.waitFor(job, c.req.raw.signal)
    if (job.error) return respondWithError(c, job.error, payload, true)
    if (!job.result) return c.body(null, 408) // the client has gone; somebody else waits on
    const salad = c.req.header('salad-job-id') !== undefined
    return c.json(
      legacyResponse({ ...job.result, metadata }, { salad, stored: wasStored, gpuClass }),
    )
  })
  return app
}

function idOf(payload: unknown) {
  const { musetalk_job_id: id } = Object(payload) as { musetalk_job_id?: unknown }
  return typeof id === 'string' ? { musetalk_job_id: id.slice(0, 200) } : {}
}

const describeGenerate = describeOperation({
  tag: 'Jobs',
  summary: 'Do a job and answer when it is done; hanging up cancels it',
  parameters: [
    IDEMPOTENCY_KEY,
    headerParameter(
      'Salad-Job-Id',
      'Id of a job of Salad’s queue; statuses are its side-car’s then',
    ),
  ],
  body: JobReference,
  responses: {
    200: response(
      'Done. For Salad’s side-car also a failure that no retry can mend.',
      v.union([LegacyResult, LegacyError]),
    ),
    408: response('The client has gone.'),
    ...rejections(LegacyError),
    500: response('Failed; `error.retryable` says whether a retry can help.', LegacyError),
  },
})
