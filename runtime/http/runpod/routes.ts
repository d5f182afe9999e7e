import { randomUUID } from 'node:crypto'
import { Hono, type Context } from 'hono'
import { asJobError, InputError, type JobError } from '../../../handler/errors.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import { runpodError } from '../../runpod/error.ts'
import { setRetryAfter, requestOrigin, httpStatusOf } from '../responses.ts'
import { readJsonBody } from '../read-json.ts'
import type { AppOptions } from '../app-options.ts'
import { spoolInlineMedia } from '../spool-inline-media.ts'
import type { JobIntake } from '../submit-job.ts'
import { toJobInput, parseEnvelope, parseWait, type Envelope } from '../../runpod/envelope.ts'
import { describeRunpodRoutes } from './describe-routes.ts'
import { toRunpodStatus, runpodJobView } from './job-status.ts'

const ASYNC_RETENTION_MS = 30 * 60_000
const SYNC_RETENTION_MS = 60_000
const SYNC_WAIT_MS = 90_000
/** The clients ask for the stream in a loop without a pause, so the answer is held back a little. */
const STREAM_WAIT_MS = 5_000
const WEBHOOK_CHECK_TIMEOUT_MS = 1_000

/**
 * RunPod's endpoint API, as its clients see the platform: under `/v2/:endpoint` everything, at the
 * root what the SDK's local server has. Progress events are the chunks of the stream.
 */
export function runpodRoutes(options: JobIntake): Hono {
  const { jobs, publicBaseUrl, health, webhooks, log } = options
  const worker = { id: options.workerId, version: health().version }
  const streamed = new WeakMap<Job, number>()
  const viewOf = (job: Job) => runpodJobView(job, worker)
  const statusOnly = (job: Job) => ({ id: job.id, status: toRunpodStatus(job) })

  const rejectJob = (c: Context, error: JobError) => {
    setRetryAfter(c, error, jobs)
    return c.json({ error: runpodError(error, worker) }, httpStatusOf(error))
  }

  function callWhenDone(job: Job, { webhook: url, input }: Envelope): void {
    if (url === undefined) return
    const ended = async () => {
      const neverAborted = new AbortController().signal
      while (!isFinal(job)) await jobs.changed(job, neverAborted)
      return { form: 'runpod', url, job: job.id, body: { ...viewOf(job), input, webhook: url } }
    }
    webhooks.call(ended(), log)
  }
  const envelopes = new WeakMap<Job, Envelope>()

  /** @returns the job, or the answer that refuses it */
  async function submit(c: Context, sync: boolean): Promise<Job | Response> {
    try {
      const sent = parseEnvelope(await readJsonBody(c, options.maxBodyBytes))
      if (typeof sent === 'string') return c.json({ error: sent }, 400)
      const { policy, webhook } = sent
      if (webhook !== undefined) await assertWebhookUrl(webhook)
      const input = (await spoolInlineMedia(sent.input, options.uploads)) as Envelope['input']
      const envelope = { ...sent, input }
      const name = `${sync ? 'sync-' : ''}${randomUUID()}`
      const read = () => options.keys.check(c.req.header('idempotency-key'), envelope)
      const id = `${read().id ?? name}-u1`
      await jobs.recheck(id)
      const keyed = read() // nothing is awaited from here: another may have brought the key meanwhile
      const job = jobs.submit({
        ...{ id, payload: toJobInput(input, id), channel: 'runpod', detached: true },
        origin: requestOrigin(c, publicBaseUrl),
        retentionMs: sync ? SYNC_RETENTION_MS : ASYNC_RETENTION_MS,
        ...(policy.executionTimeout !== undefined && { timeoutMs: policy.executionTimeout }),
        ttlMs: policy.ttl,
      })
      keyed.remember()
      if (!envelopes.has(job)) callWhenDone(job, envelope)
      envelopes.set(job, envelope)
      return job
    } catch (thrown) {
      return rejectJob(c, asJobError(thrown))
    }
  }

  /** A name that is not resolved in a moment is checked again when it is posted to. */
  async function assertWebhookUrl(webhook: string) {
    await options
      .assertPublicUrl(webhook, AbortSignal.timeout(WEBHOOK_CHECK_TIMEOUT_MS))
      .catch((error: unknown) => {
        if (error instanceof InputError) throw error.withField('webhook')
      })
  }

  async function waitForJob(c: Context, job: Job, waitMs: number) {
    const waitSignal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(waitMs)])
    while (!isFinal(job) && !waitSignal.aborted) await jobs.changed(job, waitSignal)
    return c.json(isFinal(job) ? viewOf(job) : statusOnly(job))
  }

  const run = async (c: Context) => {
    const job = await submit(c, false)
    return job instanceof Response ? job : c.json({ id: job.id, status: 'IN_QUEUE' })
  }
  const runsync = async (c: Context) => {
    const job = await submit(c, true)
    if (job instanceof Response) return job
    return waitForJob(c, job, parseWait(c.req.query('wait'), SYNC_WAIT_MS))
  }
  /** Answers for the job that the path names, or with 404. */
  const withJob =
    (respond: (c: Context, job: Job) => Response | Promise<Response>) => (c: Context) => {
      const job = jobs.get(c.req.param('id') ?? '')
      return job ? respond(c, job) : c.json({ error: 'job not found' }, 404)
    }
  const status = withJob((c, job) => {
    const ttl = Number(c.req.query('ttl'))
    if (ttl > 0) jobs.setRetention(job, Math.min(ttl, 7 * 24 * 3600_000))
    return c.json(viewOf(job))
  })
  const stream = withJob(async (c, job) => {
    const waitSignal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(STREAM_WAIT_MS)])
    const next = () => streamed.get(job) ?? 0
    while (job.events.end <= next() && !isFinal(job) && !waitSignal.aborted) {
      await jobs.changed(job, waitSignal)
    }
    // No wait from here: two readers may not get the same chunk, nor a final status too early.
    const chunks = job.events.from(next()).map((event) => ({ output: event }))
    streamed.set(job, job.events.end)
    return c.json({ status: toRunpodStatus(job), stream: chunks })
  })
  const retry = withJob((c, job) => {
    const envelope = envelopes.get(job)
    if (job.state !== 'failed' || !envelope) {
      return c.json({ error: 'only a failed or timed out job can be retried' }, 400)
    }
    try {
      jobs.retry(job)
    } catch (thrown) {
      return rejectJob(c, asJobError(thrown))
    }
    callWhenDone(job, envelope)
    return c.json({ id: job.id, status: 'IN_QUEUE' })
  })

  const statusSync = withJob((c, job) =>
    waitForJob(c, job, parseWait(c.req.query('wait'), SYNC_WAIT_MS)),
  )
  const cancel = withJob((c, job) => {
    jobs.cancel(job)
    return c.json(statusOnly(job))
  })

  const app = new Hono()
  const BOTH = ['GET', 'POST'] // the clients differ
  for (const base of ['/v2/:endpoint', ''] as const) {
    const describe = describeRunpodRoutes(base)
    app.post(`${base}/run`, describe.run, run)
    app.post(`${base}/runsync`, describe.runsync, runsync)
    app.on(BOTH, `${base}/status/:id`, describe.status, status)
    app.on(BOTH, `${base}/stream/:id`, describe.stream, stream)
  }
  const api = app.basePath('/v2/:endpoint')
  const describe = describeRunpodRoutes('/v2/:endpoint')
  api.on(BOTH, '/status-sync/:id', describe.statusSync, statusSync)
  api.post('/cancel/:id', describe.cancel, cancel)
  api.post('/retry/:id', describe.retry, retry)
  api.post('/purge-queue', describe.purgeQueue, (c) =>
    c.json({ removed: jobs.purge('runpod'), status: 'completed' }),
  )
  api.get('/requests', describe.requests, (c) => c.json({ requests: jobs.list().map(viewOf) }))
  api.get('/health', describe.health, (c) => c.json(runpodHealth(options)))
  return app
}

function runpodHealth({ jobs, health }: AppOptions) {
  const { queued, running, succeeded, failed, retried } = jobs.counts()
  const countEngines = (...states: string[]) =>
    health().engines.filter(({ state }) => states.includes(state)).length
  return {
    jobs: { completed: succeeded, failed, inProgress: running, inQueue: queued, retried },
    workers: {
      idle: countEngines('ready'),
      initializing: countEngines('starting'),
      ready: countEngines('ready', 'busy'),
      running: countEngines('busy'),
      throttled: 0,
      unhealthy: countEngines('broken'),
    },
  }
}
