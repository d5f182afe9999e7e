import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import * as v from 'valibot'
import { asJobError } from '../../../handler/errors.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import { errorBody, httpStatusOf, refuseJob, rejections } from '../responses.ts'
import { readJsonBody } from '../read-json.ts'
import { JOB_STATES, pageOfJobs, queuePosition } from '../list-jobs.ts'
import { spoolInlineMedia } from '../spool-inline-media.ts'
import { submitJob, type JobIntake } from '../submit-job.ts'
import {
  describeOperation,
  ErrorBody,
  headerParameter,
  IDEMPOTENCY_KEY,
  schemaComponent,
  pathParameter,
  queryParameter,
  response,
  textResponse,
} from '../describe-operation.ts'
import {
  JobFailure,
  JobReference,
  progressEntries,
  RejectedJob,
  Result,
} from '../response-schemas.ts'

const RETENTION_MS = 30 * 60_000
/** Proxies cut a stream that is silent for a minute or less. */
const KEEPALIVE_MS = 15_000

/** Our own asynchronous jobs: submit, ask, watch, cancel. Knows the jobs of every other channel too. */
export function jobsRoutes(intake: JobIntake): Hono {
  const { jobs, uploads, maxBodyBytes } = intake
  const app = new Hono()
  const unknownJob = (id: string) => errorBody('NOT_FOUND', `there is no job "${id.slice(0, 200)}"`)

  app.post('/jobs', describeSubmit, async (c) => {
    try {
      const payload = await spoolInlineMedia(await readJsonBody(c, maxBodyBytes), uploads)
      const rules = { channel: 'jobs', retentionMs: RETENTION_MS, detached: true } as const
      const job = await submitJob(c, payload, rules, intake)
      c.header('Location', `/jobs/${job.id}`)
      return c.json(jobView(job), 202)
    } catch (thrown) {
      return refuseJob(c, thrown, jobs)
    }
  })

  app.get('/jobs', describeList, (c) => {
    try {
      const all = jobs.list()
      const { jobs: page, next } = pageOfJobs(all, c.req.query())
      const views = page.map((job) => jobView(job, queuePosition(job, all)))
      return c.json({ jobs: views, ...(next !== undefined && { next }) })
    } catch (thrown) {
      const error = asJobError(thrown)
      return c.json({ error: error.toJSON() }, httpStatusOf(error))
    }
  })

  app.get('/jobs/:id', describeGet, (c) => {
    const job = jobs.get(c.req.param('id'))
    if (!job) return c.json(unknownJob(c.req.param('id')), 404)
    return c.json(jobView(job, queuePosition(job, jobs.list())))
  })

  app.delete('/jobs/:id', describeCancel, (c) => {
    const job = jobs.get(c.req.param('id'))
    if (!job) return c.json(unknownJob(c.req.param('id')), 404)
    jobs.cancel(job)
    return c.json(jobView(job))
  })

  app.get('/jobs/:id/events', describeEvents, (c) => {
    const job = jobs.get(c.req.param('id'))
    if (!job) return c.json(unknownJob(c.req.param('id')), 404)
    const lastEventId = Number.parseInt(c.req.header('last-event-id') ?? '', 10)
    let next = Number.isNaN(lastEventId) ? 0 : lastEventId + 1
    // A browser that reconnects after the end is told to stop by a 204.
    if (isFinal(job) && next >= job.events.end) return c.body(null, 204)
    return streamSSE(c, async (stream) => {
      const disconnected = new AbortController()
      stream.onAbort(() => disconnected.abort())
      while (!disconnected.signal.aborted) {
        for (const event of job.events.from(next)) {
          next = event.seq + 1
          const data = JSON.stringify(event)
          await stream.writeSSE({ id: String(event.seq), event: event.type, data })
        }
        if (next < job.events.end) continue
        if (isFinal(job)) return
        const keepalive = AbortSignal.timeout(KEEPALIVE_MS)
        await jobs.changed(job, AbortSignal.any([disconnected.signal, keepalive]))
        if (keepalive.aborted) await stream.write(': still here\n\n')
      }
    })
  })
  return app
}

/** A job as its submitter may see it. */
function jobView(job: Job, position?: number) {
  const { id, state, events, createdAt, attempts, result, error } = job
  const { phase, progress, eta_sec, metrics } = events.last ?? {}
  return {
    id,
    status: state,
    created_at: createdAt.toISOString(),
    attempts,
    ...(position !== undefined && { position }),
    ...(events.last && { phase, progress, eta_sec, metrics }),
    ...(result && { result }),
    ...(error && { error: error.toJSON() }),
  }
}

const JobView = schemaComponent(
  'JobView',
  v.object({
    id: v.string(),
    status: v.picklist(JOB_STATES),
    created_at: v.pipe(v.string(), v.isoTimestamp()),
    attempts: v.pipe(v.number(), v.integer()),
    position: v.optional(
      v.pipe(v.number(), v.integer(), v.description('Of a job that waits; 1 is next.')),
    ),
    ...v.partial(v.object(progressEntries)).entries,
    result: v.optional(Result),
    error: v.optional(JobFailure),
  }),
)

const jobId = pathParameter('id', 'Id of the job')
const UNKNOWN = { 404: response('There is no such job, or no more.', ErrorBody) }

const describeSubmit = describeOperation({
  tag: 'Jobs',
  summary: 'Submit a job',
  parameters: [IDEMPOTENCY_KEY],
  body: JobReference,
  responses: {
    202: {
      ...response('Accepted: poll it, or watch its events.', JobView),
      headers: { Location: { schema: { type: 'string' }, description: 'Path of the job' } },
    },
    ...rejections(RejectedJob),
  },
})
const describeList = describeOperation({
  tag: 'Jobs',
  summary: 'The jobs in memory, the latest first',
  parameters: [
    { ...queryParameter('status', 'Only these states, with commas'), schema: { type: 'string' } },
    queryParameter('limit', 'Most jobs of an answer, 1 to 200; 50 where unset'),
    { ...queryParameter('after', 'Only jobs before this one'), schema: { type: 'string' } },
  ],
  responses: {
    200: response(
      'Jobs of every API; `next` is the `after` of the next page.',
      v.object({ jobs: v.array(JobView), next: v.optional(v.string()) }),
    ),
    422: response('A parameter is not valid.', RejectedJob),
  },
})
const describeGet = describeOperation({
  tag: 'Jobs',
  summary: 'State, progress, result or error of a job',
  parameters: [jobId],
  responses: { 200: response('The job.', JobView), ...UNKNOWN },
})
const describeCancel = describeOperation({
  tag: 'Jobs',
  summary: 'Cancel a job',
  parameters: [jobId],
  responses: { 200: response('Its state now.', JobView), ...UNKNOWN },
})
const describeEvents = describeOperation({
  tag: 'Jobs',
  summary: 'Watch a job: server-sent events, from the first on',
  parameters: [
    jobId,
    headerParameter('Last-Event-ID', 'Number of the last event that was read; the rest is sent'),
  ],
  responses: {
    200: textResponse('Each event’s data is an `Event` as JSON.', 'text/event-stream'),
    204: response('All was read, and the job has ended.'),
    ...UNKNOWN,
  },
})
