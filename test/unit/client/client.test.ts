import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import { UploadStore } from '../../../handler/inputs/upload-store.ts'
import {
  createClient,
  JobFailed,
  RequestRefused,
  WorkerUnreachable,
  type ClientOptions,
} from '../../../runtime/client/client.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

type Fetch = typeof fetch
type Fault = (send: () => Promise<Response>, request: Request) => Promise<Response> | undefined

/** A client of an app without a socket; `fault` may answer instead of it. */
function clientOf(
  { app }: Pick<ReturnType<typeof heldApp>, 'app'>,
  options: ClientOptions & { fault?: Fault } = {},
) {
  const asked: string[] = []
  const { fault, ...own } = options
  const send = async (url: string, init: RequestInit) => {
    const request = new Request(url, init)
    asked.push(`${request.method} ${new URL(url).pathname}`)
    const answer = async () => app.request(request)
    const { body, status, headers } = (await fault?.(answer, request)) ?? (await answer())
    const { signal } = request // of a real fetch it ends the body too
    const cut = body?.pipeThrough(new TransformStream(), { signal })
    return new Response(cut ?? null, { status, headers })
  }
  const client = createClient('http://worker.test', {
    ...{ fetch: send as Fetch, retryDelayMs: 1 },
    ...own,
  })
  return { ...client, asked }
}

test('a job is submitted, watched to its end, and gives its result', async () => {
  const held = heldApp()
  const { jobs } = clientOf(held)
  const { id, status } = await jobs.submit({ ...JOB, id: 'one' })
  expect([id, status]).toEqual(['one', 'running'])
  const seen: string[] = []
  const done = jobs.wait(id, { onEvent: ({ type }) => seen.push(type) })
  ;(await held.next()).succeed()
  expect(await done).toMatchObject({ job_id: 'one', frames: 25 })
  expect([seen[0], seen.at(-1)]).toEqual(['job.started', 'job.succeeded'])
  expect(await jobs.get(id)).toMatchObject({ status: 'succeeded' })
  expect(jobs.videoUrl('a b')).toBe('http://worker.test/jobs/a%20b/video')
})

test('jobs are listed by pages, and canceled', async () => {
  const held = heldApp({}, { slots: 1, queueLimit: 5 })
  const { jobs } = clientOf(held)
  for (const id of ['a', 'b', 'c']) await jobs.submit({ ...JOB, id })
  const first = await jobs.list({ limit: 2, status: ['queued', 'running'] })
  expect(first.jobs.map(({ id }) => id)).toEqual(['c', 'b'])
  const second = await jobs.list({ limit: 2, after: first.next! })
  expect(second.jobs.map(({ id }) => id)).toEqual(['a'])
  expect(second.next).toBeUndefined()
  expect((await jobs.cancel('c')).status).toBe('canceled')
})

test('a job that fails says why, by its code', async () => {
  const held = heldApp()
  const { jobs } = clientOf(held)
  await jobs.submit({ ...JOB, id: 'bad' })
  const done = jobs.wait('bad')
  ;(await held.next()).fail(new InputError('NO_FACE', 'there is no face', { stage: 'avatar' }))
  const error = await done.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(JobFailed)
  expect(error).toMatchObject({ jobId: 'bad', code: 'NO_FACE', stage: 'avatar', retryable: false })
})

test('a refusal names the fields', async () => {
  const { jobs } = clientOf(heldApp())
  const error = await jobs.submit({ ...JOB, fps: 1 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(RequestRefused)
  expect(error).toMatchObject({ status: 422, code: 'INVALID_JOB', retryable: false })
  expect((error as RequestRefused).problems[0]).toMatchObject({ loc: ['body', 'fps'] })
})

test('the key is sent', async () => {
  const held = heldApp({ apiKey: 'secret' })
  await expect(clientOf(held).jobs.list()).rejects.toMatchObject({ status: 401 })
  expect(await clientOf(held, { key: 'secret' }).jobs.list()).toEqual({ jobs: [] })
})

test('an answer that was lost makes no second job', async () => {
  const held = heldApp({}, { slots: 2 })
  let lost = 0
  const fault: Fault = async (send) => {
    const response = await send()
    if (lost++ === 0) throw new TypeError('fetch failed')
    return response
  }
  const { jobs, asked } = clientOf(held, { fault })
  await jobs.submit(JOB)
  expect(asked).toEqual(['POST /jobs', 'POST /jobs'])
  expect((await jobs.list()).jobs).toHaveLength(1)
})

test('a worker that is busy is asked again, one that stays away is given up', async () => {
  const held = heldApp()
  let busy = 2
  const fault: Fault = (_send, request) =>
    request.method === 'POST' && busy-- > 0
      ? Promise.resolve(Response.json({ error: { code: 'BUSY' } }, { status: 429 }))
      : undefined
  expect((await clientOf(held, { fault }).jobs.submit(JOB)).status).toBe('running')
  const away: Fault = () => Promise.reject(new TypeError('fetch failed'))
  const gone = clientOf(held, { fault: away, patienceMs: 5 }).jobs.list()
  await expect(gone).rejects.toBeInstanceOf(WorkerUnreachable)
})

test('events go on after the last one where the line breaks', async () => {
  const held = heldApp()
  const since: (string | null)[] = []
  const fault: Fault = async (send, request) => {
    if (!request.url.endsWith('/events')) return send()
    since.push(request.headers.get('last-event-id'))
    const response = await send()
    return since.length === 1 ? new Response(cutAfterFirst(response.body!)) : response
  }
  const { jobs } = clientOf(held, { fault })
  await jobs.submit({ ...JOB, id: 'cut' })
  const call = await held.next()
  const seen: number[] = []
  for await (const { seq, type } of jobs.events('cut')) {
    seen.push(seq)
    if (type === 'job.started') call.succeed()
  }
  expect(seen).toEqual(seen.map((_, index) => index))
  expect(since).toEqual([null, '0'])
})

/** What was sent with the first event, and then a broken line. */
function cutAfterFirst(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let sent = false
  return new ReadableStream({
    async pull(controller) {
      if (sent) return controller.error(new TypeError('terminated'))
      sent = true
      const { value } = await reader.read()
      await reader.cancel()
      controller.enqueue(value!)
    },
  })
}

test('a connection that falls silent is opened again', async () => {
  const held = heldApp()
  let opened = 0
  const fault: Fault = (send, request) => {
    if (!request.url.endsWith('/events') || opened++ > 0) return send()
    const silent = new ReadableStream({
      start: (controller) =>
        request.signal.addEventListener('abort', () => controller.error(new Error('aborted'))),
    })
    return Promise.resolve(new Response(silent))
  }
  const { jobs } = clientOf(held, { fault })
  await jobs.submit({ ...JOB, id: 'silent' })
  ;(await held.next()).succeed()
  const types = await Array.fromAsync(jobs.events('silent', { silenceMs: 5 }), ({ type }) => type)
  expect(types.at(-1)).toBe('job.succeeded')
  expect(opened).toBe(2)
})

test('waiting ends with its signal', async () => {
  const held = heldApp()
  const { jobs } = clientOf(held)
  await jobs.submit({ ...JOB, id: 'long' })
  await held.next()
  const stop = new AbortController()
  const reason = new Error('enough')
  const waiting = jobs.wait('long', { signal: stop.signal, onEvent: () => stop.abort(reason) })
  await expect(waiting).rejects.toBe(reason)
})

test('files are sent by path, as a Blob in parts that go on, and as a stream', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'client-'))
  const store = new UploadStore(dir, {
    ...{ maxBytes: 1e6, maxTotalBytes: 5e6, maxCount: 10, ttlMs: 60_000, stallMs: 30_000 },
  })
  await using _closed = { [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
  const held = heldApp({ uploads: store })
  let patches = 0
  const fault: Fault = async (send, request) => {
    if (request.method !== 'PATCH') return send()
    const response = await send()
    if (++patches === 2) throw new TypeError('fetch failed') // it arrived, the answer did not
    return response
  }
  const { uploads } = clientOf(held, { fault })
  const progress: number[] = []
  const blob = new Blob(['0123456789'])
  const upload = await uploads.send(blob, {
    partBytes: 4,
    onProgress: (sent) => progress.push(sent),
  })
  expect(upload).toMatchObject({ bytes: 10, complete: true, url: `upload:${upload.id}` })
  expect(progress).toEqual([4, 8, 10])

  await writeFile(join(dir, 'a.bin'), '0123456789')
  const byPath = await uploads.send(join(dir, 'a.bin'))
  expect(byPath.sha256).toBe(upload.sha256)
  const parts = async function* () {
    yield Buffer.from('01234')
    yield Buffer.from('56789')
  }
  expect((await uploads.send(parts())).sha256).toBe(upload.sha256)
  await uploads.remove(upload.id)
  await expect(uploads.remove(upload.id)).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' })
  const large = uploads.send(new Blob([new Uint8Array(1_000_001)]))
  await expect(large).rejects.toMatchObject({ status: 413, code: 'MEDIA_TOO_LARGE' })
})

test('a client that sticks to its worker is sent to it again by RunPod’s load balancer', async () => {
  const held = heldApp()
  const wanted: (string | null)[] = []
  const fault: Fault = async (send, { headers }) => {
    wanted.push(headers.get('x-runpod-worker-id'))
    const { body, status } = await send()
    return new Response(body, { status, headers: { 'x-runpod-worker-id': `w${wanted.length}` } })
  }
  const ask = async (options: ClientOptions) => {
    wanted.length = 0
    const { jobs } = clientOf(held, { ...options, fault })
    for (let i = 0; i < 3; i++) await jobs.list()
    return [...wanted]
  }
  expect(await ask({ sticky: true })).toEqual([null, 'strict w1', 'strict w1'])
  expect(await ask({})).toEqual([null, null, null])
})
