import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono, type Context } from 'hono'
import { Recorder, type Channel, type Exchange } from './request-log.ts'

/** What goes wrong with one request; without `status` or `cut` it is answered as usual, later. */
export interface Fault {
  delayMs?: number
  status?: number
  headers?: Record<string, string>
  body?: string
  /** `before`: nothing is done. `after`: it is done, the answer is lost. `midway`: in the middle of it. */
  cut?: 'before' | 'after' | 'midway'
  /** The headers of the answer come at once, its body so much later. */
  bodyAfterMs?: number
  /** Never answered. */
  silent?: true
}

export interface PlatformJob {
  id: string
  input?: unknown
  [key: string]: unknown
}

export interface Platform extends AsyncDisposable {
  origin: string
  recorder: Recorder
  /** Met by the next requests of a channel, one each; a function decides for each request. */
  faults: Record<Channel, Fault[] | ((exchange: Exchange) => Fault | undefined)>
  /** The last progress and the final word of each job. */
  progress: Map<string, unknown>
  outcomes: Map<string, Record<string, unknown>>
  /** Put jobs into the queue; a worker that waits gets them at once. */
  hand(...jobs: PlatformJob[]): void
  /** Tell the worker to stop jobs. */
  stop(...ids: unknown[]): void
  /** The variables that the platform gives to a worker. */
  env(workerId?: string): Record<string, string>
}

type Env = { Bindings: HttpBindings }

/** What RunPod's platform does for one endpoint and its workers: the server side of its queue protocol. */
export async function runpodPlatform(options: { holdMs?: number } = {}): Promise<Platform> {
  const { holdMs = 20_000 } = options
  const recorder = new Recorder()
  const faults: Platform['faults'] = {
    take: [],
    stop: [],
    done: [],
    stream: [],
    ping: [],
    other: [],
  }
  const queue: PlatformJob[] = []
  const stops: unknown[] = []
  const progress: Platform['progress'] = new Map()
  const outcomes: Platform['outcomes'] = new Map()
  const waiting = new Set<() => void>()
  const wake = () => [...waiting].forEach((look) => look())

  /** Hold a poll until there is something to say, it was held long enough, or nobody listens. */
  async function hold<T>(some: () => T | undefined, gone: AbortSignal): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>()
    const look = () => {
      if (gone.aborted) return resolve(undefined)
      const found = some()
      if (found !== undefined) resolve(found)
    }
    waiting.add(look)
    const enough = setTimeout(resolve, holdMs, undefined)
    gone.addEventListener('abort', look)
    look()
    return promise.finally(() => {
      clearTimeout(enough)
      waiting.delete(look)
    })
  }

  const answer: Record<
    Channel,
    (c: Context<Env>, exchange: Exchange) => Response | Promise<Response>
  > = {
    async take(c, { path, query }) {
      const batch = path.includes('/job-take-batch/')
      const size = Number(/(?:^|&)batch_size=(\d+)/.exec(query.join('&'))?.[1] ?? 1)
      const some = () => (queue.length > 0 ? queue.splice(0, batch ? size : 1) : undefined)
      const jobs = await hold(some, c.req.raw.signal)
      if (!jobs) return c.body(null, 204)
      return c.json(batch ? jobs : jobs[0]!)
    },
    async stop(c) {
      const some = () => (stops.length > 0 ? stops.splice(0) : undefined)
      const ids = await hold(some, c.req.raw.signal)
      return ids ? c.json({ jobsToStop: ids }) : c.body(null, 204)
    },
    done(c, { path, body }) {
      const id = decodeURIComponent(path.split('/').at(-1)!.split('&')[0]!)
      const word = JSON.parse(body) as Record<string, unknown>
      if (word['status'] === 'IN_PROGRESS') progress.set(id, word['output'])
      else outcomes.set(id, word)
      return c.json({})
    },
    stream: (c) => c.json({}),
    ping: (c) => c.json({}),
    other: (c) => c.json({ error: 'not found' }, 404),
  }

  const met = (exchange: Exchange): Fault => {
    const of = faults[exchange.channel]
    return (Array.isArray(of) ? of.shift() : of(exchange)) ?? {}
  }

  const on = (channel: Channel) => async (c: Context<Env>) => {
    const { method, url } = c.env.incoming
    const body = await c.req.text()
    const exchange = recorder.begin(channel, method!, url!, c.req.raw.headers, body)
    c.req.raw.signal.addEventListener('abort', () => recorder.end(exchange, 0))
    const fault = met(exchange)
    if (fault.delayMs) await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
    if (fault.silent) return new Promise<Response>(() => {})
    if (fault.cut === 'before') return cut(c.env.outgoing)
    if (fault.status !== undefined) {
      recorder.end(exchange, fault.status)
      return new Response(fault.body ?? null, {
        status: fault.status,
        headers: fault.headers ?? {},
      })
    }
    const response = await answer[channel](c, exchange)
    if (fault.cut) {
      return cut(c.env.outgoing, fault.cut === 'midway' ? await response.text() : '')
    }
    recorder.end(exchange, response.status)
    return fault.bodyAfterMs ? later(response, fault.bodyAfterMs) : response
  }

  const app = new Hono<Env>()
  // A template without a query gets its parameters as part of the path from some workers.
  app.get('/v2/:endpoint/job-take/:rest{.*}', on('take'))
  app.get('/v2/:endpoint/job-take-batch/:rest{.*}', on('take'))
  app.get('/v2/:endpoint/job-stop/:rest{.*}', on('stop'))
  app.post('/v2/:endpoint/job-done/:rest{.*}', on('done'))
  app.post('/v2/:endpoint/job-stream/:rest{.*}', on('stream'))
  app.get('/v2/:endpoint/ping/:rest{.*}', on('ping'))
  app.all('*', on('other'))

  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ origin, recorder, faults, progress, outcomes },
    hand(...jobs) {
      queue.push(...jobs)
      wake()
    },
    stop(...ids) {
      stops.push(...ids)
      wake()
    },
    env: (workerId = 'w1') => ({
      RUNPOD_WEBHOOK_GET_JOB: `${origin}/v2/ep1/job-take/$ID?gpu=NVIDIA+L4`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${origin}/v2/ep1/job-done/$RUNPOD_POD_ID/$ID?gpu=NVIDIA+L4`,
      RUNPOD_WEBHOOK_POST_STREAM: `${origin}/v2/ep1/job-stream/$RUNPOD_POD_ID/$ID?gpu=NVIDIA+L4`,
      RUNPOD_WEBHOOK_PING: `${origin}/v2/ep1/ping/$RUNPOD_POD_ID`,
      RUNPOD_PING_INTERVAL: '1000',
      RUNPOD_AI_API_KEY: 'key-of-the-worker',
      RUNPOD_POD_ID: workerId,
      RUNPOD_ENDPOINT_ID: 'ep1',
    }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** The same answer, whose body comes after its headers. */
async function later(response: Response, ms: number): Promise<Response> {
  const text = await response.text()
  const body = new ReadableStream<Uint8Array>({
    start(stream) {
      setTimeout(() => {
        stream.enqueue(Buffer.from(text))
        stream.close()
      }, ms)
    },
  })
  return new Response(body, response)
}

/** Break the connection off, as a crashing server does: at once, or in the middle of the answer. */
function cut(outgoing: ServerResponse, text = ''): Response {
  const { socket } = outgoing
  if (!text) socket!.resetAndDestroy()
  else {
    const half = text.slice(0, text.length >> 1)
    const head = `content-type: application/json\r\ncontent-length: ${text.length}`
    socket!.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${half}`, () => socket!.resetAndDestroy())
  }
  return RESPONSE_ALREADY_SENT
}
