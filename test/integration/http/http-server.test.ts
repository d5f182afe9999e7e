import { readdir, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { pushServer, VIDEO } from '../../helpers/servers/worker-server.ts'

type Server = Awaited<ReturnType<typeof pushServer>>
let at: Server
beforeAll(async () => {
  at = await pushServer()
})
afterAll(() => at[Symbol.asyncDispose]())

const post = (path: string, body: unknown, init: RequestInit = {}) =>
  fetch(at.url + path, {
    ...{ method: 'POST', body: JSON.stringify(body), ...init },
    headers: { 'content-type': 'application/json', ...(init.headers as object) },
  })
const json = async (response: Response | Promise<Response>) =>
  (await (await response).json()) as Record<string, any>

/** Resolves when the worker renders the job, by its answers and not by the clock. */
async function rendering(id: string, url = at.url) {
  while ((await fetch(`${url}/jobs/${id}`)).status !== 200);
  const response = await fetch(`${url}/jobs/${id}/events`)
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    if (chunk.includes('inferring')) return
  }
  throw new Error('the job ended before it rendered')
}

describe('over a real socket', () => {
  test('a job comes back, and its video can be fetched in parts', async () => {
    const body = await json(post('/generate', { ...at.job, id: 'fetched' }))
    expect(body).toMatchObject({ status: 'success', output_url: `${at.url}/files/fetched.mp4` })
    const whole = await fetch(body['output_url'])
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(VIDEO)
    const part = await fetch(body['output_url'], { headers: { range: 'bytes=10-19' } })
    expect([part.status, await part.text()]).toEqual([206, '0123456789'])
  })

  test('an idle connection is kept for longer than a load balancer keeps it', async () => {
    const { headers } = await fetch(`${at.url}/hc`)
    expect(headers.get('keep-alive')).toBe('timeout=620')
  })

  test('the key is asked for by two schemes in fields of their own, as browsers read them', async () => {
    await using worker = await pushServer({ API_KEY: 'secret' })
    const [answer] = await once(request(`${worker.url}/jobs/x`).end(), 'response')
    const raw = (answer as IncomingMessage).resume().rawHeaders
    const asked = raw.filter((_, i) => raw[i - 1]?.toLowerCase() === 'www-authenticate')
    expect(asked).toEqual([expect.stringMatching(/^Basic /), 'Bearer'])
  })

  test('what was fetched and stored is counted, once', async () => {
    const bytes = async () => {
      const text = await (await fetch(`${at.url}/metrics`)).text()
      return ['in', 'out'].map((direction) =>
        Number(
          new RegExp(`^musetalk_bytes_total.direction="${direction}". (\\d+)`, 'm').exec(
            text,
          )?.[1] ?? 0,
        ),
      )
    }
    const before = await bytes()
    await json(post('/generate', { ...at.job, id: 'counted' }))
    const [fetched, stored] = await bytes()
    expect(fetched! - before[0]!).toBe(2 * at.mediaBytes)
    expect(stored! - before[1]!).toBe(VIDEO.length)
    // One that is there already costs nothing.
    const again = await json(post('/jobs', { ...at.job, id: 'counted' }))
    expect(again['id']).toBe('counted')
    expect(await bytes()).toEqual([fetched, stored])
  })

  test('a job that ended is counted by its outcome', async () => {
    const count = async () => {
      const text = await (await fetch(`${at.url}/metrics`)).text()
      const line = /^musetalk_jobs_total{channel="generate",outcome="succeeded",code=""} (\d+)$/m
      return Number(line.exec(text)?.[1] ?? 0)
    }
    const before = await count()
    await json(post('/generate', { ...at.job, id: 'outcome' }))
    expect(await count()).toBe(before + 1)
  })

  test('the stages of a job are counted', async () => {
    const count = async (stage: string) => {
      const text = await (await fetch(`${at.url}/metrics`)).text()
      const line = new RegExp(`^musetalk_stage_seconds_count{stage="${stage}"} (\\d+)$`, 'm')
      return Number(line.exec(text)?.[1] ?? 0)
    }
    const counts = () => Promise.all(['download', 'generate', 'upload'].map(count))
    const before = await counts()
    await json(post('/generate', { ...at.job, id: 'staged' }))
    expect(await counts()).toEqual(before.map((one) => one + 1))
  })

  test('a job that is sent again is done again where its result has gone', async () => {
    const job = { ...at.job, id: 'gone' }
    const first = await json(post('/generate', job))
    const renders = at.renders.length
    await json(post('/generate', job))
    expect(at.renders).toHaveLength(renders)
    await rm(join(at.results, 'gone.mp4'))
    expect(await json(post('/generate', job))).toMatchObject({ status: 'success' })
    expect(at.renders).toHaveLength(renders + 1)
    expect((await fetch(first['output_url'])).status).toBe(200)
  })

  test('a worker that cannot store results says so to probes, to metrics and to jobs', async () => {
    const storage = { problem: () => 'the disk is full', lookAgain: () => {} }
    await using full = await pushServer({}, { storage })
    expect(await json(fetch(`${full.url}/health`))).toMatchObject({
      storage_problem: 'the disk is full',
    })
    expect(await (await fetch(`${full.url}/metrics`)).text()).toContain('musetalk_storage_up 0')
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify({ ...full.job, id: 'unstored' }) }
    const refused = await json(fetch(`${full.url}/generate`, init))
    expect(JSON.stringify(refused)).toContain('the disk is full')
    expect(full.renders).toEqual([])
  })

  test('a worker whose upload was refused looks at its storage again', async () => {
    let looks = 0
    const storage = { problem: () => undefined, lookAgain: () => void looks++ }
    await using refusing = await webServer((_, response) => void response.writeHead(403).end())
    await using worker = await pushServer({}, { storage })
    const job = { ...worker.job, output: { url: refusing.url('/o') } }
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(job) }
    const refused = await json(fetch(`${worker.url}/generate`, init))
    expect(refused).toMatchObject({ error: { code: 'UPLOAD_FAILED', retryable: false } })
    expect(looks).toBe(1)
  })

  test('a client that hangs up stops its job', async () => {
    const hangUp = new AbortController()
    const answer = post('/generate', { ...at.endless, id: 'hung' }, { signal: hangUp.signal })
    answer.catch(() => {})
    await rendering('hung')
    hangUp.abort()
    const events = await fetch(`${at.url}/jobs/hung/events`).then((r) => r.text())
    expect(events).toContain('event: job.canceled')
  })

  test('events arrive while the job runs', async () => {
    const { id } = await json(post('/jobs', { ...at.endless, id: 'watched' }))
    await rendering(id)
    await fetch(`${at.url}/jobs/${id}`, { method: 'DELETE' })
    expect(await json(fetch(`${at.url}/jobs/${id}`))).toMatchObject({ status: 'canceled' })
  })

  /** A body whose length nobody knows before its end. */
  const chunked = (...parts: string[]): RequestInit => ({
    ...({ duplex: 'half' } as RequestInit),
    body: ReadableStream.from(parts.map((part) => Buffer.from(part))),
  })

  test('a job that comes in chunks is a job, and stops when its client hangs up', async () => {
    const text = JSON.stringify({ ...at.endless, id: 'chunked' })
    const hangUp = new AbortController()
    const init = { ...chunked(text.slice(0, 9), text.slice(9)), signal: hangUp.signal }
    const answer = post('/generate', undefined, init)
    answer.catch(() => {})
    await rendering('chunked')
    hangUp.abort()
    const events = await fetch(`${at.url}/jobs/chunked/events`).then((r) => r.text())
    expect(events).toContain('event: job.canceled')
  })

  test('a body that is too large is refused while it is sent, and the server stays well', async () => {
    const announced = await post('/generate', { metadata: { a: 'x'.repeat(17_000_000) } })
    const endless = Array.from({ length: 20 }, () => 'x'.repeat(1_000_000))
    const unannounced = await post('/jobs', undefined, chunked(...endless))
    for (const { status, headers } of [announced, unannounced]) {
      expect([status, headers.get('connection')]).toEqual([413, 'close'])
    }
    expect((await fetch(`${at.url}/hc`)).status).toBe(200)
  })

  test('what is no HTTP gets a 400 and an end', async () => {
    const { hostname, port } = new URL(at.url)
    const socket = connect(Number(port), hostname).setEncoding('utf8')
    socket.end('\0\x01\x02 nonsense\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1.1 400/)
  })

  test('no job leaves anything in the scratch folder', async () => {
    expect(await readdir(at.scratch)).toEqual([])
  })
})

describe('Salad’s side-car', () => {
  /** What the side-car makes of an answer, by its source (salad-cloud-job-queue-worker cmd/salad-http-job-queue-worker/main.go). */
  async function sidecar(input: unknown, id: string, signal?: AbortSignal, url = at.url) {
    try {
      const headers = { 'content-type': 'application/json', 'salad-job-id': id }
      const request = { method: 'POST', body: JSON.stringify(input), headers }
      const response = await fetch(`${url}/generate`, { ...request, ...(signal && { signal }) })
      const output = await response.text()
      const rejected = [408, 429].includes(response.status) || response.status >= 500
      if (rejected || output.length > 10_000_000) return { fate: 'reject' as const }
      return { fate: 'complete' as const, output: JSON.parse(output) as Record<string, any> }
    } catch {
      return { fate: signal?.aborted ? ('lost' as const) : ('reject' as const) }
    }
  }

  test('completes a job, and a second delivery of it without another render', async () => {
    const first = await sidecar(at.job, 'salad-1')
    expect(first).toMatchObject({ fate: 'complete', output: { status: 'succeeded' } })
    const renders = at.renders.length
    const again = await sidecar(at.job, 'salad-1')
    expect(again).toMatchObject({ output: { status: 'succeeded', deduplicated: true } })
    expect(at.renders).toHaveLength(renders)
  })

  test.each([
    ['a list', []],
    ['a number', 7],
    ['a wrong field', { video_url: 1 }],
    ['a scheme that is not taken', { video_url: 'ftp://m.test/v', audio_url: 'ftp://m.test/a' }],
  ])('does not send %s around its nodes', async (_, input) => {
    const { fate, output } = await sidecar(input, 'salad-bad')
    expect(fate).toBe('complete')
    expect(output).toMatchObject({ status: 'failed', error: { retryable: false } })
  })

  test('that is stopped stops the job', async () => {
    const term = new AbortController()
    const outcome = sidecar(at.endless, 'salad-lost', term.signal)
    await rendering('salad-lost')
    term.abort()
    expect(await outcome).toEqual({ fate: 'lost' })
    const events = await fetch(`${at.url}/jobs/salad-lost/events`).then((r) => r.text())
    expect(events).toContain('event: job.canceled')
  })

  test('gets a job back from a worker that shuts down', async () => {
    await using other = await pushServer()
    const to = (job: object, id: string) => sidecar(job, id, undefined, other.url)
    const outcome = to(other.endless, 'salad-drained')
    await rendering('salad-drained', other.url)
    other.stopping.soon()
    expect((await fetch(`${other.url}/ready`)).status).toBe(503)
    expect((await fetch(`${other.url}/hc`)).status).toBe(200)
    expect(await to(other.job, 'salad-late')).toEqual({ fate: 'reject' })
    other.stopping.now()
    expect(await outcome).toEqual({ fate: 'reject' })
  })
})
