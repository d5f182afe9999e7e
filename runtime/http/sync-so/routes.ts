import { createHmac, randomUUID } from 'node:crypto'
import { Hono, type Context } from 'hono'
import { asJobError, InputError } from '../../../handler/errors.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import {
  describeOperation,
  IDEMPOTENCY_KEY,
  pathParameter,
  response,
} from '../describe-operation.ts'
import { readJsonBody } from '../read-json.ts'
import { httpStatusOf, rejections, requestOrigin, setRetryAfter } from '../responses.ts'
import type { JobIntake } from '../submit-job.ts'
import { GenerationRequest, parseGeneration, toJob } from './generation-request.ts'
import { Generation, generationView, SyncError } from './generation-view.ts'
import * as v from 'valibot'

const RETENTION_MS = 24 * 3600_000
const WEBHOOK_CHECK_TIMEOUT_MS = 1_000

/**
 * sync.so's API, for programs that were written for it: they change the base URL and nothing else. What
 * has no meaning on one's own machine (voices, assets, emotions) is refused by the name of its field.
 *
 * @see the types of @sync.so/sdk 0.3.0 and syncsdk 0.3.0
 */
export function syncRoutes(intake: JobIntake): Hono {
  const { jobs, keys, maxBodyBytes, publicBaseUrl, webhooks, log } = intake
  const requests = new WeakMap<Job, GenerationRequest>()
  const viewOf = (job: Job) => generationView(job, requests.get(job)!)
  const app = new Hono()

  app.post('/v2/generate', describeCreate, async (c) => {
    try {
      if (/^multipart\//i.test(c.req.header('content-type') ?? '')) {
        return fail(
          c,
          400,
          'files are not taken here: send them to POST /uploads, and name upload:<id> as url',
        )
      }
      const request = parseGeneration(await readJsonBody(c, maxBodyBytes))
      if (request.webhookUrl) await assertWebhookUrl(request.webhookUrl)
      const check = () => keys.check(c.req.header('idempotency-key'), request)
      const id = check().id ?? randomUUID()
      await jobs.recheck(id)
      const keyed = check() // another may have brought the key meanwhile
      const payload = toJob(request, id)
      intake.parse(payload, id)
      const job = jobs.submit({
        ...{ id, payload, channel: 'sync', detached: true, retentionMs: RETENTION_MS },
        origin: requestOrigin(c, publicBaseUrl),
      })
      keyed.remember()
      if (!requests.has(job)) {
        requests.set(job, request)
        callWhenDone(job, request)
      }
      return c.json(viewOf(job), 201)
    } catch (thrown) {
      const error = asJobError(thrown)
      setRetryAfter(c, error, jobs)
      const status = httpStatusOf(error)
      return fail(c, status === 422 ? 400 : status, error.message)
    }
  })

  app.get('/v2/generate/:id', describeGet, (c) => {
    const job = jobs.get(c.req.param('id'))
    return job && requests.has(job)
      ? c.json(viewOf(job))
      : fail(c, 404, 'there is no such generation, or no more')
  })

  app.get('/v2/generations', describeList, (c) => {
    const statuses = parseList(c.req.queries('status'))
    const ids = parseList(c.req.queries('ids'))
    const views = jobs
      .list()
      .filter((job) => requests.has(job))
      .toReversed()
      .map(viewOf)
      .filter(
        ({ id, status }) => (statuses?.includes(status) ?? true) && (ids?.includes(id) ?? true),
      )
    return c.json(views)
  })

  function callWhenDone(job: Job, { webhookUrl: url }: GenerationRequest): void {
    if (!url) return
    const ended = async () => {
      const neverAborted = new AbortController().signal
      while (!isFinal(job)) await jobs.changed(job, neverAborted)
      const view = viewOf(job)
      // Webhooks know two ends.
      const status = view.status === 'COMPLETED' ? 'COMPLETED' : 'FAILED'
      return { form: 'sync.so', url, job: job.id, body: { ...view, status } }
    }
    webhooks.call(ended(), log)
  }

  async function assertWebhookUrl(url: string) {
    await intake
      .assertPublicUrl(url, AbortSignal.timeout(WEBHOOK_CHECK_TIMEOUT_MS))
      .catch((error: unknown) => {
        if (error instanceof InputError) throw error.withField('webhookUrl')
      })
  }
  return app
}

type Status = 400 | 404 | ReturnType<typeof httpStatusOf>
const fail = (c: Context, statusCode: Status, message: string) =>
  c.json({ message, statusCode }, statusCode)

/**
 * The header that receivers of sync.so's webhooks check: HMAC-SHA256 over `<time>.<body>`, with the secret
 * as it is written.
 * @param secrets `WEBHOOK_SECRET`; the first of them signs, and without one nothing is signed
 */
export const syncSignature =
  (secrets = '') =>
  (body: string): Record<string, string> => {
    const [secret] = secrets.split(' ')
    if (!secret) return {}
    const time = Math.floor(Date.now() / 1000)
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
    return { 'sync-signature': `t=${time},v1=${signature}` }
  }

/** One SDK sends a list as JSON, the other a parameter for each; people write commas. */
function parseList(values: string[] | undefined): string[] | undefined {
  return values?.flatMap((text) => text.replace(/["[\]\s]/g, '').split(',')).filter(Boolean)
}

const { 409: CONFLICT, 413: TOO_LARGE, 429: BUSY, 503: UNAVAILABLE } = rejections(SyncError)
const describeCreate = describeOperation({
  tag: 'sync.so',
  summary: 'Submit a generation',
  parameters: [IDEMPOTENCY_KEY],
  body: v.looseObject({ model: v.string(), input: v.array(v.looseObject({ type: v.string() })) }),
  responses: {
    201: response('Queued.', Generation),
    400: response('It is not valid, or names something that has no meaning here.', SyncError),
    ...{ 409: CONFLICT, 413: TOO_LARGE, 429: BUSY, 503: UNAVAILABLE },
  },
})
const describeGet = describeOperation({
  tag: 'sync.so',
  summary: 'A generation',
  parameters: [pathParameter('id', 'Id of the generation')],
  responses: {
    200: response('The generation.', Generation),
    404: response('There is no such generation, or no more.', SyncError),
  },
})
const describeList = describeOperation({
  tag: 'sync.so',
  summary: 'Generations of the last day, the latest first',
  parameters: [
    listParameter('status', 'Only those in these states'),
    listParameter('ids', 'Only these'),
  ],
  responses: { 200: response('The generations.', v.array(Generation)) },
})

function listParameter(name: string, description: string) {
  return { name, in: 'query', description, schema: { type: 'string' } } as const
}
