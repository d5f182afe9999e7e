import { describe, expect, test } from 'vitest'
import { CanceledError, InputError, UpstreamError } from '../../handler/errors.ts'
import { heldApp } from '../helpers/servers/http-app.ts'
import { JOB, settle } from '../helpers/jobs/controlled-jobs.ts'

type App = ReturnType<typeof heldApp>
type Answer = Awaited<ReturnType<App['post']>>

interface Shape {
  name: string
  /** Send a job and wait for its outcome. */
  send(app: App, job: object, signal?: AbortSignal): Promise<Answer>
  /** What the client does that no longer wants the job: hang up, or say so. */
  leave(app: App, hangUp: AbortController): Promise<unknown>
  /** The code of a failure, from the body. */
  codeOf(body: Answer['body']): string | undefined
  url(body: Answer['body']): string
  /** HTTP status of outcomes. */
  status: { bad: number; final: number; retry: number; busy: number; handedBack: number }
}

const init = (signal: AbortSignal | undefined, headers: Record<string, string> = {}) => ({
  headers,
  ...(signal && { signal }),
})

const generate = (
  name: string,
  headers: Record<string, string>,
  status: Shape['status'],
): Shape => ({
  ...{ name, status },
  send: (app, job, signal) => app.post('/generate', job, init(signal, headers)),
  leave: async (_app, hangUp) => hangUp.abort(),
  codeOf: (body) => body.error?.code,
  url: (body) => body.output_url,
})

/** Shapes whose jobs go on without their client: submit, watch, ask. */
const runpodCode = (body: Answer['body']) => {
  const text = String(body.error)
  return text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : text.split(':')[0]
}

const SHAPES: Shape[] = [
  generate('POST /generate', {}, { bad: 422, final: 422, retry: 500, busy: 429, handedBack: 500 }),
  generate(
    'POST /generate from Salad',
    { 'salad-job-id': 'queue-job-1' },
    { bad: 200, final: 200, retry: 503, busy: 429, handedBack: 503 },
  ),
  {
    name: 'POST /jobs and its events',
    async send(app, job) {
      const taken = await app.post('/jobs', job)
      if (taken.status !== 202) return taken
      await app.get(`/jobs/${taken.body.id}/events`)
      return app.get(`/jobs/${taken.body.id}`)
    },
    leave: (app) => app.del(`/jobs/${app.jobs.list()[0]!.id}`),
    codeOf: (body) => body.error?.code,
    url: (body) => body.result.output_url,
    status: { bad: 422, final: 200, retry: 200, busy: 429, handedBack: 200 },
  },
  {
    name: 'RunPod’s runsync',
    send: (app, job) => app.post('/v2/local/runsync', { input: job }),
    leave: (app) => app.post(`/v2/local/cancel/${app.jobs.list()[0]!.id}`),
    codeOf: runpodCode,
    url: (body) => body.output.output_url,
    status: { bad: 200, final: 200, retry: 200, busy: 429, handedBack: 200 },
  },
  {
    name: 'RunPod’s run and status',
    async send(app, job) {
      const taken = await app.post('/v2/local/run', { input: job })
      if (taken.status !== 200) return taken
      return app.get(`/v2/local/status-sync/${taken.body.id}`)
    },
    leave: (app) => app.post(`/v2/local/cancel/${app.jobs.list()[0]!.id}`),
    codeOf: runpodCode,
    url: (body) => body.output.output_url,
    status: { bad: 200, final: 200, retry: 200, busy: 429, handedBack: 200 },
  },
]

describe.each(SHAPES)('$name', ({ send, leave, codeOf, url, status }) => {
  test('a valid job gives its result, under the address the client used', async () => {
    const app = heldApp()
    const answer = send(app, JOB)
    ;(await app.next()).succeed()
    const { body, ...rest } = await answer
    expect(rest.status).toBe(200)
    expect(url(body)).toMatch(/^http:\/\/worker\.test\/files\/.+\.mp4$/)
  })

  test('a bad payload is a final failure', async () => {
    const app = heldApp()
    const answer = await send(app, { video_url: 5 })
    expect(answer.status).toBe(status.bad)
    expect(codeOf(answer.body)).toBe('INVALID_JOB')
  })

  test('bad media is a final failure', async () => {
    const app = heldApp()
    const answer = send(app, JOB)
    ;(await app.next()).fail(new InputError('MEDIA_UNREADABLE', 'no video'))
    expect((await answer).status).toBe(status.final)
    expect(codeOf((await answer).body)).toBe('MEDIA_UNREADABLE')
  })

  test('a failure of somebody else’s server may be tried again', async () => {
    const app = heldApp()
    const answer = send(app, JOB)
    ;(await app.next()).fail(new UpstreamError('UPLOAD_FAILED', 'the bucket is away'))
    expect((await answer).status).toBe(status.retry)
    expect(codeOf((await answer).body)).toBe('UPLOAD_FAILED')
  })

  test('a busy worker refuses and says when to come back', async () => {
    const app = heldApp({}, { queueLimit: 0 })
    app.jobs.submit({
      ...{ id: 'before', payload: { ...JOB, id: 'before' }, channel: 'jobs', origin: 'http://w' },
      ...{ retentionMs: 1000, detached: true },
    })
    const answer = await send(app, JOB)
    expect(answer.status).toBe(status.busy)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(app.calls).toHaveLength(1)
  })

  test('a client that does not want the job any more stops it', async () => {
    const app = heldApp()
    const hangUp = new AbortController()
    const answer = send(app, JOB, hangUp.signal).catch(() => {})
    const { signal } = await app.next()
    await leave(app, hangUp)
    await settle()
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'CANCELED' })
    await answer
  })

  test('a worker that stops while idle is done at once and takes nothing more', async () => {
    const app = heldApp()
    app.stopping.soon()
    await app.jobs.drained()
    expect((await send(app, JOB)).status).toBe(503)
    expect(app.calls).toEqual([])
  })

  test('a worker that stops while working hands the job back as SHUTDOWN', async () => {
    const app = heldApp()
    const answer = send(app, JOB)
    const { signal } = await app.next()
    app.stopping.soon()
    expect(signal.aborted).toBe(false)
    app.stopping.now()
    const { body, ...rest } = await answer
    expect(rest.status).toBe(status.handedBack)
    expect(codeOf(body)).toBe('SHUTDOWN')
    expect(signal.reason).toBeInstanceOf(CanceledError)
    await app.jobs.drained()
  })
})
