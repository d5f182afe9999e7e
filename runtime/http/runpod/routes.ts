import { randomUUID } from 'node:crypto'
import { Hono, type Context } from 'hono'
import { asJobError, InputError, type JobError } from '../../../handler/errors.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import { runpodError } from '../../runpod/error.ts'
import { setRetryAfter, requestOrigin, httpStatusOf } from '../responses.ts'
import { readJsonBody } from '../read-json.ts'
import type { RunpodWebhookSender } from './webhook-sender.ts'
import type { PushOptions } from '../app-options.ts'
import { jobOf, parseEnvelope, waitOf, type Envelope } from '../../runpod/envelope.ts'
import { runpodStatus, runpodView } from './job-status.ts'

const ASYNC_MS = 30 * 60_000
const SYNC_MS = 60_000
const SYNC_WAIT_MS = 90_000
/** The clients ask for the stream in a loop without a pause, so the answer is held back a little. */
const STREAM_WAIT_MS = 5_000
const CHECK_MS = 1_000

/**
 * RunPod's endpoint API, as its clients see the platform: under `/v2/:endpoint` everything, at the
 * root what the SDK's local server has. Progress events are the chunks of the stream.
 */
export function runpod(options: PushOptions, callbacks: RunpodWebhookSender): Hono {
  const { jobs, publicBaseUrl, health } = options
  const worker = { id: options.workerId, version: health().version }
  const streamed = new WeakMap<Job, number>()
  const view = (job: Job) => runpodView(job, worker)
  const brief = (job: Job) => ({ id: job.id, status: runpodStatus(job) })

  const refuse = (c: Context, error: JobError) => {
    setRetryAfter(c, error, jobs)
    return c.json({ error: runpodError(error, worker) }, httpStatusOf(error))
  }

  async function announce(job: Job, { input, webhook }: Envelope) {
    if (!webhook) return
    const forever = new AbortController().signal
    while (!isFinal(job)) await jobs.changed(job, forever)
    callbacks.send(job.id, webhook, { ...view(job), input, webhook })
  }
  const envelopes = new WeakMap<Job, Envelope>()

  /** @returns the job, or the answer that refuses it */
  async function submit(c: Context, sync: boolean): Promise<Job | Response> {
    try {
      const envelope = parseEnvelope(await readJsonBody(c.req.raw))
      if (typeof envelope === 'string') return c.json({ error: envelope }, 400)
      const { input, policy, webhook } = envelope
      if (webhook !== undefined) await checked(webhook)
      const id = `${sync ? 'sync-' : ''}${randomUUID()}-u1`
      const job = jobs.submit({
        ...{ id, payload: jobOf(input, id), shape: 'runpod', detached: true },
        origin: requestOrigin(c, publicBaseUrl),
        retentionMs: sync ? SYNC_MS : ASYNC_MS,
        ...(policy.executionTimeout !== undefined && { timeoutMs: policy.executionTimeout }),
        ttlMs: policy.ttl,
      })
      envelopes.set(job, envelope)
      void announce(job, envelope)
      return job
    } catch (thrown) {
      return refuse(c, asJobError(thrown))
    }
  }

  /** A name that is not resolved in a moment is checked again when it is posted to. */
  async function checked(webhook: string) {
    await options
      .assertPublicUrl(webhook, AbortSignal.timeout(CHECK_MS))
      .catch((error: unknown) => {
        if (error instanceof InputError) throw error.withField('webhook')
      })
  }

  async function settled(c: Context, job: Job, waitMs: number) {
    const enough = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(waitMs)])
    while (!isFinal(job) && !enough.aborted) await jobs.changed(job, enough)
    return c.json(isFinal(job) ? view(job) : brief(job))
  }

  const run = async (c: Context) => {
    const job = await submit(c, false)
    return job instanceof Response ? job : c.json({ id: job.id, status: 'IN_QUEUE' })
  }
  const runsync = async (c: Context) => {
    const job = await submit(c, true)
    if (job instanceof Response) return job
    return settled(c, job, waitOf(c.req.query('wait'), SYNC_WAIT_MS))
  }
  /** Answers for the job that the path names, or with 404. */
  const about =
    (answer: (c: Context, job: Job) => Response | Promise<Response>) => (c: Context) => {
      const job = jobs.get(c.req.param('id') ?? '')
      return job ? answer(c, job) : c.json({ error: 'job not found' }, 404)
    }
  const status = about((c, job) => {
    const ttl = Number(c.req.query('ttl'))
    if (ttl > 0) jobs.setRetention(job, Math.min(ttl, 7 * 24 * 3600_000))
    return c.json(view(job))
  })
  const stream = about(async (c, job) => {
    const enough = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(STREAM_WAIT_MS)])
    const next = () => streamed.get(job) ?? 0
    while (job.events.end <= next() && !isFinal(job) && !enough.aborted) {
      await jobs.changed(job, enough)
    }
    // No wait from here: two readers may not get the same chunk, nor a final status too early.
    const chunks = job.events.from(next()).map((event) => ({ output: event }))
    streamed.set(job, job.events.end)
    return c.json({ status: runpodStatus(job), stream: chunks })
  })
  const retry = about((c, job) => {
    const envelope = envelopes.get(job)
    if (job.state !== 'failed' || !envelope) {
      return c.json({ error: 'only a failed or timed out job can be retried' }, 400)
    }
    try {
      jobs.retry(job)
    } catch (thrown) {
      return refuse(c, asJobError(thrown))
    }
    void announce(job, envelope)
    return c.json({ id: job.id, status: 'IN_QUEUE' })
  })

  const app = new Hono()
  for (const base of ['/v2/:endpoint', '']) {
    app.post(`${base}/run`, run)
    app.post(`${base}/runsync`, runsync)
    app.on(['GET', 'POST'], `${base}/status/:id`, status)
    app.on(['GET', 'POST'], `${base}/stream/:id`, stream)
  }
  const api = app.basePath('/v2/:endpoint')
  api.on(
    ['GET', 'POST'],
    '/status-sync/:id',
    about((c, job) => settled(c, job, waitOf(c.req.query('wait'), SYNC_WAIT_MS))),
  )
  api.post(
    '/cancel/:id',
    about((c, job) => {
      jobs.cancel(job)
      return c.json(brief(job))
    }),
  )
  api.post('/retry/:id', retry)
  api.post('/purge-queue', (c) => c.json({ removed: jobs.purge('runpod'), status: 'completed' }))
  api.get('/requests', (c) => c.json({ requests: jobs.list().map(view) }))
  api.get('/health', (c) => c.json(runpodHealth(options)))
  return app
}

function runpodHealth({ jobs, health }: PushOptions) {
  const { queued, running, succeeded, failed, retried } = jobs.counts()
  const count = (...states: string[]) =>
    health().engines.filter(({ state }) => states.includes(state)).length
  return {
    jobs: { completed: succeeded, failed, inProgress: running, inQueue: queued, retried },
    workers: {
      idle: count('ready'),
      initializing: count('starting'),
      ready: count('ready', 'busy'),
      running: count('busy'),
      throttled: 0,
      unhealthy: count('broken'),
    },
  }
}
