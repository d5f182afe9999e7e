import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { HttpBindings } from '@hono/node-server'
import type { Answer, Attempt, Book, Job } from './state.ts'
import type { Faults } from './faults.ts'
import type { Json, Request, Route } from './request-log.ts'
import { passes, show, type Wire } from './fault-responses.ts'

export interface AppOptions {
  book: Book
  /** What X-Internal-API-Key must be. */
  key: string
  /** Told of every request: when it has come, and when it was answered. */
  note: (request: Request) => void
  now: () => number
  faults: Faults
}

/** What a request is about, and what it does. */
interface Act {
  worker?: string | undefined
  job?: string | undefined
  attempt?: number | undefined
  run: () => Answer
}

/** Both protocols of workers, and what clients see; every request of a worker is recorded. */
export function orchestratorApp({ book, key, note, now, faults }: AppOptions) {
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>()
  /** Buffer jobs have names of their own, one for each hand-out. */
  const buffered = new Map<string, Attempt>()

  const on = (route: Route, read: (body: Json, c: Wire) => Act) => async (c: Wire) => {
    const body = await c.req.json<Json>().catch((): Json => ({}))
    const { run, worker, job, attempt } = read(body, c)
    const fault = faults(route)
    const request: Request = {
      ...{ kind: 'request', at: now(), route, worker, job, attempt, body, fault },
      ...{ processed: false, status: undefined, answer: undefined },
    }
    note(request)
    request.processed = await passes(fault)
    const known = c.req.header('x-internal-api-key') === key
    const answer = request.processed ? (known ? run() : refusal) : undefined
    const { response, ...shown } = show(c, fault, answer)
    Object.assign(request, shown)
    note(request)
    return response
  }

  app.post(
    '/internal/main/workers/:worker/heartbeat',
    on('main.heartbeat', (body, c) => {
      const worker = c.req.param('worker')!
      const named = namedIn(body)
      const well = body['status'] === 'idle' || body['status'] === 'busy'
      return { worker, job: named[0], run: () => (well ? book.beat(worker, named) : invalid) }
    }),
  )
  app.post(
    '/internal/main/jobs/claim',
    on('main.claim', (body) =>
      claim(body, ({ job: id }) => ({ musetalk_job_id: id, ...book.jobs.get(id)!.input })),
    ),
  )
  app.post(
    '/internal/jobs/:job/progress',
    on('main.progress', (body, c) => {
      const [job, worker] = [c.req.param('job')!, workerIn(body)]
      const attempt = book.attemptOf(job, worker)?.number
      return {
        worker,
        job,
        attempt,
        run: () => (worker ? book.report(job, worker, body) : invalid),
      }
    }),
  )
  app.post(
    '/internal/buffer/workers/:worker/heartbeat',
    on('buffer.heartbeat', (body, c) => {
      const worker = c.req.param('worker')!
      // In the legacy worker's words it only says whether it has jobs at all.
      const named =
        'current_job_ids' in body || body['status'] === 'idle' ? namedIn(body) : undefined
      const well = typeof body['status'] === 'string'
      return { worker, run: () => (well ? book.beat(worker, named) : invalid) }
    }),
  )
  app.post(
    '/internal/buffer/jobs/claim',
    on('buffer.claim', (body) =>
      claim(body, (attempt) => {
        const id = `buffer-${randomUUID()}`
        buffered.set(id, attempt)
        const { job } = attempt
        return { buffer_job_id: id, musetalk_job_id: job, ...book.jobs.get(job)!.input }
      }),
    ),
  )
  app.post(
    '/internal/buffer/jobs/:id/status',
    on('buffer.status', (body, c) => {
      const named = buffered.get(c.req.param('id')!)
      if (!named) return { run: () => unknown }
      const { job, worker, number: attempt } = named
      return { worker, job, attempt, run: () => book.report(job, worker, body, named) }
    }),
  )

  function claim(body: Json, say: (attempt: Attempt) => Json): Act {
    const worker = workerIn(body)
    const run = (): Answer => {
      if (!worker) return invalid
      const attempt = book.claim(worker)
      return { status: 200, body: { job: attempt ? say(attempt) : null } }
    }
    return { worker, run }
  }

  app.post('/v1/avatar/jobs', async (c) => {
    const input = await c.req.json<Json>().catch((): Json => ({}))
    const { video_url: video, audio_url: audio } = input
    if (typeof video !== 'string' || typeof audio !== 'string') return reply(invalid)
    return reply({ status: 201, body: viewOf(book.submit(randomUUID(), input)) })
  })
  app.get('/v1/avatar/jobs/:id', (c) => {
    const job = book.jobs.get(c.req.param('id'))
    return reply(job ? { status: 200, body: viewOf(job) } : unknown)
  })
  app.delete('/v1/avatar/jobs/:id', (c) => reply(book.cancel(c.req.param('id'))))
  return app
}

const refusal: Answer = { status: 401, body: { detail: 'invalid internal API key' } }
const invalid: Answer = { status: 422, body: { detail: 'not what is expected here' } }
const unknown: Answer = { status: 404, body: { detail: 'unknown job' } }

const reply = ({ status, body }: Answer) => Response.json(body, { status })

/** One job in the legacy worker's words; a worker that has more may name them all. */
function namedIn({ current_job_id: one, current_job_ids: all }: Json): string[] {
  return [one, ...(Array.isArray(all) ? all : [])].filter((id) => typeof id === 'string')
}

const workerIn = ({ worker_id: id }: Json) => (typeof id === 'string' && id ? id : undefined)

/** A job as its client sees it; the metrics' names in lower case. */
function viewOf({ id, state, input, report }: Job): Json {
  const { progress, phase, output_url, error, metrics } = report
  const lower = Object.entries((metrics ?? {}) as Json).map(([k, v]) => [k.toLowerCase(), v])
  const seen = state === 'succeeded' ? { output_url, metrics: Object.fromEntries(lower) } : {}
  return {
    id,
    status: state,
    progress,
    phase,
    ...seen,
    ...(state === 'failed' && { error }),
    input,
  }
}
