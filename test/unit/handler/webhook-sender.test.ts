import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { signWebhook, parseWebhookSecrets } from '../../../handler/events/webhook-signature.ts'
import {
  createWebhookSender,
  type PendingWebhook,
  type WebhookOptions,
  type WebhookStore,
} from '../../../handler/events/webhook-sender.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { receiver, type Receiver } from '../../helpers/servers/webhook-receiver.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { skipPauses } from '../../helpers/skipped-pauses.ts'
import { createLog } from '../../../handler/log.ts'

const secret = () => `whsec_${randomBytes(32).toString('base64')}`
const never = () => AbortSignal.timeout(300_000)

function open(options: Partial<WebhookOptions> = {}) {
  const logged: Record<string, unknown>[] = []
  const fetch = createGuardedFetch({ isBlocked: () => false, timeouts: shortTimeouts() })
  const webhooks = createWebhookSender({
    fetch,
    timeouts: shortTimeouts(),
    intervalMs: 30,
    ...options,
  })
  const log = createLog((_level, event, fields) => logged.push({ event, ...fields }))
  return { webhooks, log, logged }
}

let seq = 0
const event = (type: JobEvent['type'], progress = 0.5): JobEvent =>
  ({
    ...{ seq: seq++, job_id: 'j.1', type, phase: 'inferring', progress, eta_sec: null },
    ...{ metrics: {}, metadata: { for: 'ä' }, at: new Date().toISOString() },
    status: type.replace(/job\.(started|progress)/, 'running').replace('job.', ''),
  }) as JobEvent

/** Send events one after the other, wait until all is over. */
async function deliver(to: Receiver, events: JobEvent[], options: Partial<WebhookOptions> = {}) {
  const { webhooks, log, logged } = open(options)
  const sink = webhooks.to({ url: to.url }, log)
  for (const each of events) sink(each)
  await webhooks.drain(never())
  return logged
}

describe('signatures', () => {
  const VECTORS = [
    {
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1614265330,
      body: '{"test": 2432232314}',
      signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    {
      secret: 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
      id: 'msg_0001',
      timestamp: 1735689600,
      body: '{"type":"job.completed","timestamp":"2025-01-01T00:00:00.000Z","data":{"job_id":"j1","note":"é"}}',
      signature: 'v1,wH+nZgM9LdJp9atut7CLEteAJQgVOx/iX/YFimoYfro=',
    },
  ]
  test.each(VECTORS)('are those of the published vector $id', (vector) => {
    const { secret, id, timestamp, body, signature } = vector
    expect(signWebhook(parseWebhookSecrets(secret)!, id, timestamp, body)).toBe(signature)
    expect(signWebhook(parseWebhookSecrets(secret.slice(6))!, id, timestamp, body)).toBe(signature)
  })
  test('are two while a secret is changed', () => {
    const [a, b] = VECTORS as [(typeof VECTORS)[0], (typeof VECTORS)[0]]
    const both = signWebhook(
      parseWebhookSecrets(`${b.secret} ${a.secret}`)!,
      a.id,
      a.timestamp,
      a.body,
    )
    expect(both.split(' ')).toHaveLength(2)
    expect(both).toContain(a.signature)
  })
  test.each(['', 'whsec_', 'whsec_c2hvcnQ=', 'hello!', `whsec_${'A'.repeat(100)}`, 'whsk_AAAA'])(
    'are not made with %j',
    (text) => expect(parseWebhookSecrets(text)).toBeUndefined(),
  )
})

describe('a delivery', () => {
  test('is genuine to an independent verifier, with either of two secrets', async () => {
    await using to = await receiver()
    const [one, two] = [secret(), secret()]
    const sent = event('job.succeeded', 1)
    const before = Math.floor(Date.now() / 1000)
    await deliver(to, [sent], { keys: parseWebhookSecrets(`${one} ${two}`)! })
    const [delivery] = to.deliveries
    const expected = { type: 'job.succeeded', timestamp: sent.at, data: sent }
    expect(to.verify(delivery!, one)).toEqual(JSON.parse(JSON.stringify(expected)))
    expect(to.verify(delivery!, two)).toBeDefined()
    expect(() => to.verify(delivery!, secret())).toThrow()
    expect(delivery!.id).toMatch(/^[^.]+$/)
    expect(delivery!.timestamp).toBeGreaterThanOrEqual(before)
    expect(delivery!.timestamp).toBeLessThanOrEqual(Date.now() / 1000)
  })
  test('goes out unsigned where there is no secret', async () => {
    await using to = await receiver()
    await deliver(to, [event('job.failed')])
    expect(to.deliveries[0]!.signature).toBeUndefined()
  })
  test('keeps its id in every try, and its bytes, and no two events share one', async () => {
    await using to = await receiver((response, _, before) =>
      response.writeHead(before === 1 ? 503 : 204).end(),
    )
    await deliver(to, [event('job.started'), event('job.succeeded')])
    const [started, first, second] = to.deliveries
    expect(to.types()).toEqual(['job.started', 'job.succeeded', 'job.succeeded'])
    expect(second!.id).toBe(first!.id)
    expect(second!.body).toBe(first!.body)
    expect(first!.id).not.toBe(started!.id)
  })
  test('of the types that were asked for only', async () => {
    await using to = await receiver()
    const { webhooks, log } = open()
    const sink = webhooks.to({ url: to.url, events: ['job.succeeded'] }, log)
    for (const type of ['job.started', 'job.progress', 'job.succeeded'] as const) sink(event(type))
    await webhooks.drain(never())
    expect(to.types()).toEqual(['job.succeeded'])
  })
})

describe('order', () => {
  test('one at a time, the latest progress only, never any after the end', async () => {
    const first = Promise.withResolvers<ServerResponse>()
    type ServerResponse = import('node:http').ServerResponse
    await using to = await receiver((response, _, before) => {
      if (before === 0) first.resolve(response)
      else response.writeHead(204).end()
    })
    const { webhooks, log } = open({ intervalMs: 10_000 })
    const sink = webhooks.to({ url: to.url }, log)
    sink(event('job.started'))
    const held = await first.promise
    for (let i = 1; i <= 9; i++) sink(event('job.progress', i / 10))
    held.writeHead(204).end()
    await expect.poll(() => to.deliveries.length).toBe(2)
    sink(event('job.progress', 0.95))
    sink(event('job.succeeded', 1))
    await webhooks.drain(never())
    const progress = to.deliveries.map(({ event }) => event.progress)
    expect(to.types()).toEqual(['job.started', 'job.progress', 'job.succeeded'])
    expect(progress).toEqual([0.5, 0.9, 1])
    expect(to.mostAtOnce()).toBe(1)
  })
  test('progress keeps its distance, and the end does not wait for it', async () => {
    await using to = await receiver()
    const held: { ms: number; release: () => void }[] = []
    const pause = (ms: number, signal: AbortSignal) =>
      new Promise<void>((release, reject) => {
        held.push({ ms, release })
        signal.addEventListener('abort', reject)
      })
    const { webhooks, log } = open({ intervalMs: 60_000, pause })
    const sink = webhooks.to({ url: to.url }, log)
    sink(event('job.progress', 0.1))
    await expect.poll(() => held.length).toBe(1)
    expect(held[0]!.ms).toBeGreaterThan(0)
    expect(held[0]!.ms).toBeLessThanOrEqual(60_000)
    sink(event('job.progress', 0.2))
    sink(event('job.progress', 0.3))
    expect(to.deliveries).toHaveLength(1)
    held[0]!.release()
    await expect.poll(() => held.length).toBe(2)
    sink(event('job.progress', 0.4))
    sink(event('job.failed'))
    await webhooks.drain(never())
    const told = to.deliveries.map(({ event }) => [event.type, event.progress])
    const progress = [0.1, 0.3].map((share) => ['job.progress', share])
    expect(told).toEqual([...progress, ['job.failed', 0.5]])
  })
})

describe('a receiver that fails', () => {
  test.each([404, 408, 425, 429, 500, 503])(
    'with %i is tried again for the end',
    async (status) => {
      await using to = await receiver((response, _, before) =>
        response.writeHead(before < 2 ? status : 204).end(),
      )
      const logged = await deliver(to, [event('job.succeeded')])
      expect(to.deliveries).toHaveLength(3)
      expect(logged).toMatchObject([{ event: 'webhook.sent', tries: 3 }])
    },
  )
  test('is not tried again for progress', async () => {
    await using to = await receiver((response) => response.writeHead(503).end())
    const logged = await deliver(to, [event('job.progress')])
    expect(to.deliveries).toHaveLength(1)
    expect(logged).toMatchObject([{ event: 'webhook.failed', type: 'job.progress' }])
  })
  test.each([302, 400, 401, 405])('for good with %i gets one try', async (status) => {
    await using to = await receiver((response) =>
      response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(),
    )
    const logged = await deliver(to, [event('job.succeeded')])
    expect(to.deliveries).toHaveLength(1)
    expect(logged).toMatchObject([{ event: 'webhook.failed', tries: 1 }])
  })
  test('with 410 gets nothing more', async () => {
    await using to = await receiver((response) => response.writeHead(410).end())
    await deliver(to, [event('job.started'), event('job.succeeded')])
    expect(to.deliveries).toHaveLength(1)
  })
  test('says when to come back', async () => {
    await using to = await receiver((response, _, before) =>
      response.writeHead(before === 0 ? 429 : 204, { 'retry-after': '7' }).end(),
    )
    const pauses = skipPauses(7_000)
    await deliver(to, [event('job.succeeded')], {
      timeouts: shortTimeouts({ webhook: { tries: 3, firstMs: 1, maxMs: 1000 } }),
    })
    expect([to.deliveries.length, pauses.count]).toEqual([2, 1])
  })
  test('by never answering is given up, and the log says so without its address', async () => {
    await using to = await receiver(() => {})
    const logged = await deliver(to, [event('job.succeeded')], {
      timeouts: shortTimeouts({ headersMs: 50 }),
    })
    expect(logged).toMatchObject([
      { event: 'webhook.failed', tries: 3, reason: 'did not answer in time' },
    ])
    expect(JSON.stringify(logged)).not.toContain('token')
  })
  test('by not being there never throws', async () => {
    const gone = await webServer(() => {})
    const { webhooks, log, logged } = open()
    await gone[Symbol.asyncDispose]()
    webhooks.to({ url: gone.url('/') }, log)(event('job.succeeded'))
    await webhooks.drain(never())
    expect(logged).toMatchObject([{ event: 'webhook.failed', reason: 'refused the connection' }])
  })
})

test('an internal address is refused as a download would be, and nothing connects', async () => {
  await using to = await receiver()
  const logged = await deliver(to, [event('job.succeeded')], { fetch: createGuardedFetch() })
  expect(to.deliveries).toHaveLength(0)
  expect(logged).toMatchObject([{ event: 'webhook.failed', tries: 1 }])
  expect(String(logged[0]!['reason'])).toContain('not a public one')
})

test('drain ends what is still tried when its time is over, and the log says so', async () => {
  await using to = await receiver((response) => response.writeHead(503).end())
  const { webhooks, log, logged } = open({
    timeouts: shortTimeouts({ webhook: { tries: 5, firstMs: 60_000, maxMs: 60_000 } }),
  })
  webhooks.to({ url: to.url }, log)(event('job.succeeded'))
  await expect.poll(() => to.deliveries.length).toBe(1)
  await webhooks.drain(AbortSignal.timeout(50)) // and not after the minute that it pauses
  expect(logged).toMatchObject([{ event: 'webhook.failed', reason: 'the worker stopped' }])
})

describe('a final event', () => {
  function keeping() {
    const kept = new Map<string, PendingWebhook>()
    const store: WebhookStore = {
      put: async (pending) => void kept.set(pending.id, pending),
      remove: async (id) => void kept.delete(id),
    }
    return { kept, store }
  }

  test('is kept before it is sent, and until it was taken; progress is not', async () => {
    const { kept, store } = keeping()
    const seen: number[] = []
    await using to = await webServer((_, response) => {
      seen.push(kept.size)
      response.writeHead(seen.length === 2 ? 503 : 200).end()
    })
    const { webhooks, log } = open({ store })
    const sink = webhooks.to({ url: to.url('/') }, log)
    for (const type of ['job.started', 'job.succeeded'] as const) sink(event(type))
    await webhooks.drain(never())
    expect(seen).toEqual([0, 1, 1])
    expect(kept.size).toBe(0)
  })

  test('that is given up is kept no more', async () => {
    const { kept, store } = keeping()
    await using to = await webServer((_, response) => void response.writeHead(400).end())
    const { webhooks, log } = open({ store })
    webhooks.to({ url: to.url('/') }, log)(event('job.failed'))
    await webhooks.drain(never())
    expect(kept.size).toBe(0)
  })

  /** Sent by a life that ends after the first try, which fails, and then by the next. */
  async function twoLives(
    own: Partial<WebhookOptions>,
    send: (url: string, life: ReturnType<typeof open>) => void,
  ) {
    const { kept, store } = keeping()
    let up = false
    const stop = new AbortController()
    await using to = await webServer((_, response) => {
      response.writeHead(up ? 200 : 503).end()
      if (!up) setImmediate(() => stop.abort())
    })
    const patient = shortTimeouts({ webhook: { tries: 8, firstMs: 60_000, maxMs: 60_000 } })
    const first = open({ ...own, store, timeouts: patient })
    send(to.url('/'), first)
    await first.webhooks.drain(stop.signal)
    expect(first.logged).toMatchObject([{ event: 'webhook.failed', kept: true }])
    expect(kept.size).toBe(1)
    up = true
    const next = open({ ...own, store })
    next.webhooks.resume([...kept.values()], next.log)
    await next.webhooks.drain(never())
    expect(kept.size).toBe(0)
    return { sent: next.logged, headers: to.seen.map((one) => one.headers) }
  }

  test('that a shutdown has cut short is sent by the next life, as the same message', async () => {
    const { sent, headers } = await twoLives({}, (url, { webhooks, log }) => {
      webhooks.to({ url }, log)(event('job.succeeded'))
    })
    expect(sent).toMatchObject([{ event: 'webhook.sent', job: 'j.1', type: 'job.succeeded' }])
    expect(headers).toHaveLength(2)
    expect(new Set(headers.map((each) => each['webhook-id'])).size).toBe(1)
  })

  test("of another API's callback is kept alike, with that API's own signature", async () => {
    const signed = (body: string) => ({ 'their-signature': body })
    const own = { callbackHeaders: { theirs: signed } }
    const { sent, headers } = await twoLives(own, (url, { webhooks, log }) => {
      webhooks.call(Promise.resolve({ form: 'theirs', url, job: 'j.1', body: { a: 1 } }), log)
    })
    expect(sent).toMatchObject([{ event: 'webhook.sent', job: 'j.1', type: 'theirs' }])
    const signatures = headers.map((each) => each['their-signature'])
    expect(signatures).toEqual(['{"a":1}', '{"a":1}'])
    for (const each of headers) expect(each).not.toHaveProperty('webhook-id')
  })
})
