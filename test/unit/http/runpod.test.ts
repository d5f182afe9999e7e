import { describe, expect, test, vi } from 'vitest'
import { CanceledError, InputError, UpstreamError } from '../../../handler/errors.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB, settle } from '../../helpers/jobs/controlled-jobs.ts'

const EP = '/v2/local'
const BODY = { input: JOB }

describe('RunPod’s job API', () => {
  test('run queues, status tells the progress and then the result with its times', async () => {
    const { post, get, next, clock } = heldApp()
    const { status, body } = await post(`${EP}/run`, BODY)
    expect(status).toBe(200)
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}-u1$/), status: 'IN_QUEUE' })
    const held = await next()
    clock.pass(3000)
    const running = await get(`${EP}/status/${body.id}`)
    expect(running.body).toMatchObject({
      ...{ id: body.id, status: 'IN_PROGRESS', delayTime: 0, workerId: 'w1' },
      output: { phase: 'downloading', progress: 0.05 },
    })
    expect(running.body).not.toHaveProperty('executionTime')
    held.succeed()
    await settle()
    const { body: done } = await get(`${EP}/status/${body.id}`)
    expect(done).toMatchObject({ status: 'COMPLETED', delayTime: 0, executionTime: 3000 })
    expect(done.output).toMatchObject({ status: 'succeeded', frames: 25 })
    expect(done).not.toHaveProperty('error')
    expect(done).not.toHaveProperty('retries')
  })

  test('the platform’s id is the job’s; an id in the input names the object only', async () => {
    const { post, next } = heldApp()
    const { body } = await post(`${EP}/run`, { input: { ...JOB, id: 'mine' } })
    const { id, payload } = await next()
    expect(id).toBe(body.id)
    expect(payload).toMatchObject({ id: body.id, output: { key: 'mine.mp4' } })
  })

  test('runsync answers with the whole job', async () => {
    const { post, next } = heldApp()
    const answer = post(`${EP}/runsync`, BODY)
    ;(await next()).succeed()
    const { body } = await answer
    expect(body).toMatchObject({ status: 'COMPLETED', output: { frames: 25 } })
    expect(body.id).toMatch(/^sync-/)
  })

  test('a request that is sent again under its Idempotency-Key is one job with one webhook', async () => {
    const { post, next, called } = heldApp()
    const init = { headers: { 'idempotency-key': 'k' } }
    const body = { input: JOB, webhook: 'https://hook.test/' }
    const first = await post('/v2/any/run', body, init)
    expect((await post('/v2/any/run', body, init)).body.id).toBe(first.body.id)
    expect((await post('/v2/any/run', { ...body, input: { ...JOB, fps: 30 } }, init)).status).toBe(
      409,
    )
    ;(await next()).succeed()
    await settle()
    expect(called).toHaveLength(1)
  })

  test('its result is made anew where the video is gone', async () => {
    let isStored = true
    const { post, next } = heldApp({}, { isStored: async () => isStored })
    const init = { headers: { 'idempotency-key': 'k' } }
    const send = () => post(`${EP}/runsync`, { input: JOB }, init)
    const first = send()
    ;(await next()).succeed()
    await first
    expect((await send()).body.status).toBe('COMPLETED')
    isStored = false
    const again = send()
    ;(await next()).succeed()
    expect((await again).body.status).toBe('COMPLETED')
  })

  test('runsync answers with id and status where the wait ends first', async () => {
    const { post } = heldApp()
    const real = AbortSignal.timeout.bind(AbortSignal)
    using _ = vi
      .spyOn(AbortSignal, 'timeout')
      .mockImplementation((ms) => (ms === 1000 ? AbortSignal.abort() : real(ms)))
    const { body } = await post(`${EP}/runsync?wait=1000`, BODY)
    expect(body).toEqual({ id: expect.any(String), status: 'IN_PROGRESS' })
  })

  test('status-sync waits for the end', async () => {
    const { post, get, next } = heldApp()
    const { body } = await post(`${EP}/run`, BODY)
    const answer = get(`${EP}/status-sync/${body.id}?wait=5000`)
    ;(await next()).succeed()
    expect(await answer).toMatchObject({ body: { status: 'COMPLETED' } })
  })

  test('every chunk of the stream is delivered once, none after a final status', async () => {
    const { post, next } = heldApp()
    const { body } = await post(`${EP}/run`, BODY)
    const held = await next()
    const read = async () => (await post(`${EP}/stream/${body.id}`)).body
    const types = (answer: { stream: { output: { type: string } }[] }) =>
      answer.stream.map(({ output }) => output.type)
    const first = await read()
    expect([first.status, types(first)]).toEqual(['IN_PROGRESS', ['job.started', 'job.progress']])
    const second = read() // held until there is something
    held.succeed()
    const last = [await second, await read(), await read()]
    expect(last.flatMap(types)).toEqual(['job.succeeded'])
    expect(last.at(-1)).toEqual({ status: 'COMPLETED', stream: [] })
  })

  test('an unprefixed call reaches the same jobs', async () => {
    const { post, get, next } = heldApp()
    const { body } = await post('/run', BODY)
    ;(await next()).succeed()
    await settle()
    expect((await post(`/status/${body.id}`)).body.status).toBe('COMPLETED')
    expect((await get(`/stream/${body.id}`)).body.status).toBe('COMPLETED')
    const sync = post('/runsync', BODY)
    ;(await next()).succeed()
    expect((await sync).body.status).toBe('COMPLETED')
  })

  test('cancel stops a running job and tells its signal', async () => {
    const { post, get, next } = heldApp()
    const { body } = await post(`${EP}/run`, BODY)
    const held = await next()
    const answer = await post(`${EP}/cancel/${body.id}`, {})
    expect(answer.body).toEqual({ id: body.id, status: 'CANCELLED' })
    expect(held.signal.aborted).toBe(true)
    expect((await get(`${EP}/status/${body.id}`)).body.status).toBe('CANCELLED')
  })

  test('errors are strings: short where the caller must act, an object’s JSON else', async () => {
    const { post, next } = heldApp()
    const bad = post(`${EP}/runsync`, BODY)
    ;(await next()).fail(new InputError('NO_FACE', 'no face in the video'))
    expect((await bad).body).toMatchObject({
      ...{ status: 'FAILED', error: 'NO_FACE: no face in the video' },
    })
    const failing = post(`${EP}/runsync`, BODY)
    ;(await next()).fail(new UpstreamError('UPLOAD_FAILED', 'the bucket is away'))
    const { body } = await failing
    expect(JSON.parse(body.error)).toEqual({
      ...{ error_type: 'UpstreamError', error_message: 'the bucket is away', error_traceback: '' },
      ...{ hostname: 'w1', worker_id: 'w1', runpod_version: 'musetalk-worker/1.2.3' },
      ...{ code: 'UPLOAD_FAILED', retryable: true },
    })
  })

  test('a time limit of the policy ends the run as TIMED_OUT, and a retry runs it again', async () => {
    const { post, get, next, clock } = heldApp()
    const { body } = await post(`${EP}/run`, { ...BODY, policy: { executionTimeout: 5000 } })
    const { id } = body
    await next()
    expect((await post(`${EP}/retry/${id}`)).status).toBe(400)
    clock.pass(5000)
    expect((await get(`${EP}/status/${id}`)).body.status).toBe('TIMED_OUT')
    await settle()
    expect((await post(`${EP}/retry/${id}`)).body).toEqual({ id, status: 'IN_QUEUE' })
    clock.pass(1000)
    ;(await next()).succeed()
    await settle()
    expect((await get(`${EP}/status/${id}`)).body).toMatchObject({
      ...{ status: 'COMPLETED', retries: 1, delayTime: 5000, executionTime: 1000 },
    })
  })

  test('results are kept half an hour after run, a minute after runsync', async () => {
    const { post, get, next, clock } = heldApp()
    const { body: run } = await post(`${EP}/run`, BODY)
    ;(await next()).succeed()
    await settle()
    const answer = post(`${EP}/runsync`, BODY)
    ;(await next()).succeed()
    const { body: sync } = await answer
    const statuses = async () => [
      (await get(`${EP}/status/${run.id}`)).status,
      (await get(`${EP}/status/${sync.id}`)).status,
    ]
    clock.pass(59_999)
    expect(await statuses()).toEqual([200, 200])
    clock.pass(1)
    expect(await statuses()).toEqual([200, 404])
    clock.pass(29 * 60_000)
    expect(await statuses()).toEqual([404, 404])
  })

  test('a job whose time to live is over is gone, whatever its state', async () => {
    const { post, get, next, clock } = heldApp()
    const { body } = await post(`${EP}/run`, { ...BODY, policy: { ttl: 10_000 } })
    const held = await next()
    clock.pass(10_000)
    expect((await get(`${EP}/status/${body.id}`)).status).toBe(404)
    expect(held.signal.aborted).toBe(true)
  })

  test('purge-queue removes what waits, health counts', async () => {
    const { post, get, next } = heldApp()
    for (let i = 0; i < 3; i++) await post(`${EP}/run`, BODY)
    ;(await next()).succeed()
    await settle()
    const { body } = await get(`${EP}/health`)
    expect(body.jobs).toEqual({ completed: 1, failed: 0, inProgress: 1, inQueue: 1, retried: 0 })
    expect(Object.keys(body.workers).toSorted()).toEqual(
      ['idle', 'initializing', 'ready', 'running', 'throttled', 'unhealthy'].toSorted(),
    )
    expect((await post(`${EP}/purge-queue`, {})).body).toEqual({ removed: 1, status: 'completed' })
    expect((await get(`${EP}/requests`)).body.requests).toHaveLength(3)
  })

  test.each([
    ['no body', ''],
    ['no input', {}],
    ['an empty input', { input: {} }],
    ['an input that is no object', { input: 'text' }],
    ['a bad policy', { input: JOB, policy: { executionTimeout: '5' } }],
    ['a webhook that is no URL', { input: JOB, webhook: 'file:///etc/passwd' }],
  ])('a request with %s is refused before it is a job', async (_, body) => {
    const { post, jobs } = heldApp()
    const { status, body: answer } = await post(`${EP}/run`, body)
    expect([400, 422]).toContain(status)
    expect(answer.error).toEqual(expect.any(String))
    expect(jobs.list()).toEqual([])
  })

  test('a low priority is taken, and the jobs still run in the order in which they came', async () => {
    const { post, next } = heldApp()
    const low = await post(`${EP}/run`, { ...BODY, policy: { lowPriority: true } })
    const usual = await post(`${EP}/run`, BODY)
    for (const { body } of [low, usual]) {
      const held = await next()
      expect(held.id).toBe(body.id)
      held.succeed()
      await settle()
    }
  })

  test('an unknown id is a 404 on every path', async () => {
    const { post, get } = heldApp()
    for (const path of ['status', 'status-sync', 'stream']) {
      expect((await get(`${EP}/${path}/nobody`)).status).toBe(404)
    }
    for (const path of ['cancel', 'retry']) {
      expect((await post(`${EP}/${path}/nobody`)).status).toBe(404)
    }
  })

  test('a full queue answers 429 with Retry-After, a stopping worker 503', async () => {
    const { post, next, stopping } = heldApp({}, { queueLimit: 0 })
    await post(`${EP}/run`, BODY)
    await next()
    const full = await post(`${EP}/run`, BODY)
    expect(full.status).toBe(429)
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0)
    stopping.soon()
    expect((await post(`${EP}/run`, BODY)).status).toBe(503)
  })
})

describe('RunPod’s platform webhook', () => {
  const webhook = 'https://caller.test/hook'

  test('is told of the final state with the input, once', async () => {
    const { post, next, called } = heldApp()
    const { body } = await post(`${EP}/run`, { ...BODY, webhook })
    ;(await next()).succeed()
    await settle()
    expect(called).toEqual([
      {
        ...{ form: 'runpod', url: webhook, job: body.id },
        body: expect.objectContaining({ id: body.id, status: 'COMPLETED', input: JOB, webhook }),
      },
    ])
  })

  test('to an internal address is refused as a download would be', async () => {
    const { post, jobs } = heldApp()
    const answer = await post(`${EP}/run`, { ...BODY, webhook: 'http://internal.test/hook' })
    expect(answer).toMatchObject({ status: 422 })
    expect(answer.body.error).toContain('BLOCKED_URL: webhook')
    expect(jobs.list()).toEqual([])
  })

  test('is told of a failure too', async () => {
    const { post, next, called } = heldApp()
    await post(`${EP}/run`, { ...BODY, webhook })
    ;(await next()).fail(new CanceledError('SHUTDOWN', 'bye'))
    await settle()
    expect(called).toMatchObject([{ body: { status: 'FAILED' } }])
  })
})
