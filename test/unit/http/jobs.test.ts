import { describe, expect, test } from 'vitest'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB, settle } from '../../helpers/jobs/controlled-jobs.ts'

/** Server-sent events as a browser would hand them out. */
const parsed = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith('event:'))
    .map((block) => ({
      id: Number(/^id: (.*)$/m.exec(block)![1]),
      type: /^event: (.*)$/m.exec(block)![1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as { seq: number; progress: number },
    }))

describe('/jobs', () => {
  test('a job is taken at once, asked for, and finished', async () => {
    const { post, get, next } = heldApp()
    const { status, body, headers } = await post('/jobs', { ...JOB, id: 'a' })
    expect([status, headers.get('location')]).toEqual([202, '/jobs/a'])
    expect(body).toMatchObject({ id: 'a', status: 'running', attempts: 1 })
    ;(await next()).succeed()
    await settle()
    expect((await get('/jobs/a')).body).toMatchObject({
      ...{ status: 'succeeded', phase: 'completed', progress: 1 },
      result: { output_url: 'http://worker.test/files/a.mp4' },
    })
  })

  test('the same job again is joined, another input under its id refused', async () => {
    const { post, calls } = heldApp()
    const job = { ...JOB, id: 'a' }
    const [first, second] = [await post('/jobs', job), await post('/jobs', job)]
    expect([first.status, second.status]).toEqual([202, 202])
    expect(calls).toHaveLength(1)
    const other = await post('/jobs', { ...job, fps: 30 })
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'JOB_CONFLICT' } } })
  })

  test('the same Idempotency-Key finds the same job, with another body it is refused', async () => {
    const { post, calls } = heldApp()
    const init = { headers: { 'idempotency-key': 'k' } }
    const [first, second] = [await post('/jobs', JOB, init), await post('/jobs', JOB, init)]
    expect(second.body.id).toBe(first.body.id)
    expect((await post('/jobs', JOB)).body.id).not.toBe(first.body.id)
    expect(calls).toHaveLength(1)
    const other = await post('/jobs', { ...JOB, fps: 30 }, init)
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'JOB_CONFLICT' } } })
  })

  test('a body that was refused does not use up its Idempotency-Key', async () => {
    const { post } = heldApp()
    const init = { headers: { 'idempotency-key': 'k' } }
    expect((await post('/jobs', { ...JOB, fps: 1 }, init)).status).toBe(422)
    expect((await post('/jobs', JOB, init)).status).toBe(202)
  })

  test('are listed, the latest first, by state and in pages', async () => {
    const { post, get, next } = heldApp()
    const ids = ['a', 'b', 'c']
    for (const id of ids) await post('/jobs', { ...JOB, id })
    const list = async (query: string) => {
      const { body } = await get(`/jobs${query}`)
      return [body.jobs.map((job: { id: string }) => job.id).join(''), body.next]
    }
    expect(await list('')).toEqual(['cba', undefined])
    expect(await list('?status=queued')).toEqual(['cb', undefined])
    expect(await list('?status=running,failed')).toEqual(['a', undefined])
    expect(await list('?limit=2')).toEqual(['cb', 'b'])
    expect(await list('?limit=2&after=b')).toEqual(['a', undefined])
    ;(await next()).succeed()
    await settle()
    expect(await list('?status=succeeded')).toEqual(['a', undefined])
  })

  test.each(['?limit=0', '?limit=201', '?limit=x', '?status=done', '?after=nobody'])(
    'are not listed by %s',
    async (query) => {
      const { status, body } = await heldApp().get(`/jobs${query}`)
      expect([status, body.error.code]).toEqual([422, 'INVALID_JOB'])
    },
  )

  test('say where they stand in the queue', async () => {
    const { post, get, clock } = heldApp()
    for (const id of ['a', 'b', 'c']) {
      await post('/jobs', { ...JOB, id })
      clock.pass(1)
    }
    expect((await get('/jobs/a')).body).not.toHaveProperty('position')
    expect((await get('/jobs/b')).body.position).toBe(1)
    expect((await get('/jobs/c')).body.position).toBe(2)
  })

  test('two clients of one synchronous job get one render’s answer', async () => {
    const { post, next, calls } = heldApp()
    const answers = [post('/generate', { ...JOB, id: 'a' }), post('/generate', { ...JOB, id: 'a' })]
    const held = await next()
    await settle()
    held.succeed()
    const [first, second] = await Promise.all(answers)
    expect(second!.body).toEqual(first!.body)
    expect(calls).toHaveLength(1)
  })

  test('every event comes once, in order, the final one last; reading on gives the rest', async () => {
    const { post, get, next } = heldApp()
    await post('/jobs', { ...JOB, id: 'a' })
    const held = await next()
    const stream = get('/jobs/a/events')
    held.report.frames(1, 2)
    await settle()
    held.succeed()
    const events = parsed((await stream).body)
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index))
    expect(events[0]!.type).toBe('job.started')
    expect(events.at(-1)).toMatchObject({ type: 'job.succeeded', data: { progress: 1 } })

    const after = (id: number) =>
      get('/jobs/a/events', { headers: { 'last-event-id': String(id) } })
    expect(parsed((await after(0)).body)).toEqual(events.slice(1))
    expect((await after(events.at(-1)!.id)).status).toBe(204)
  })

  test('whoever stops watching does not stop the job', async () => {
    const { app, post, next } = heldApp()
    await post('/jobs', { ...JOB, id: 'a' })
    const { signal } = await next()
    const response = await app.request('http://worker.test/jobs/a/events')
    await response.body!.cancel()
    await settle()
    expect(signal.aborted).toBe(false)
  })

  test('the public address is the prefix of results where it is set', async () => {
    const { post, next } = heldApp({ publicBaseUrl: 'https://public.test/w/' })
    await post('/jobs', JOB)
    expect((await next()).origin).toBe('https://public.test/w')
  })

  test('an unknown job is a 404', async () => {
    const { get, del } = heldApp()
    for (const answer of [
      await get('/jobs/x'),
      await get('/jobs/x/events'),
      await del('/jobs/x'),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } })
    }
  })
})
