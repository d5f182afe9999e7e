import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openClient } from '../../runtime/sources/runpod/client.ts'
import { resultBody } from '../../runtime/sources/runpod/payloads.ts'
import { cancellations } from '../../runtime/sources/runpod/cancellations.ts'
import { urlsOf } from '../../runtime/sources/runpod/url-templates.ts'
import { runpodPlatform, type Fault, type Platform } from '../helpers/runpod/platform.ts'
import * as queue from '../helpers/runpod/worker.ts'
import { webServer } from '../helpers/servers/loopback-server.ts'
import { collectLog } from '../helpers/collected-log.ts'
import { skipPauses } from '../helpers/skipped-pauses.ts'

const { runpodWorker, sdkTrace, said, outcome, finals, withoutContentType, succeeded } = queue

/** The next final posts meet these faults, progress does not. */
function failFinals(platform: Platform, ...faults: Fault[]): void {
  platform.faults.done = ({ body }) => (body.includes('IN_PROGRESS') ? undefined : faults.shift())
}

const gaps = (times: number[]) => times.slice(1).map((at, index) => at - times[index]!)
const json = { 'content-type': 'application/json' }

describe('when the platform', () => {
  test('8. has no job, or answers nonsense, it is asked again, at a pace', async () => {
    await using platform = await runpodPlatform()
    const html = { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>no</p>' }
    const nothings = [
      ...[{ status: 204 }, { status: 400 }, { status: 200, headers: json, body: '' }, html],
      ...[
        { status: 200, headers: json, body: '{"id":' },
        { status: 200, headers: json, body: '7' },
      ],
    ]
    platform.faults.take = [...nothings, { status: 429 }]
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'a', input: worker.job })
    await outcome(platform, 'a')
    const takes = platform.recorder.of('take')
    const [afterBusy, ...others] = gaps(takes.slice(0, 8).map(({ at }) => at)).toReversed()
    expect(Math.min(...others)).toBeGreaterThan(490)
    expect(afterBusy).toBeGreaterThan(4_900)
    expect(withoutContentType(said(platform, 'take').take).slice(0, 1)).toEqual(
      withoutContentType(sdkTrace('nothing-to-take').take),
    )
    const events = worker.logged.map(({ event }) => event)
    expect(events.filter((event) => event === 'take.unreadable')).toHaveLength(1)
    expect(events).not.toContain('claim.failed') // after which the pauses would grow
  })

  test('9. refuses, fails or cuts takes, they come ever less often, and never end', async () => {
    await using platform = await runpodPlatform()
    platform.faults.take = [{ status: 401 }, { status: 500 }, { cut: 'midway' }, { status: 503 }]
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'lost', input: worker.job })
    const { recorder } = platform
    await recorder.until(() => recorder.of('take').length === 5, 'five takes')
    const [first, second, , third] = gaps(recorder.of('take').map(({ at }) => at))
    expect(first).toBeGreaterThan(490)
    expect(second).toBeGreaterThan(990)
    // The one that was cut is repeated at once and no failure; the next pause is the next longer.
    expect(third).toBeGreaterThan(1_900)
    const reasons = worker.logged
      .filter(({ event }) => event === 'claim.failed')
      .map(({ fields }) => fields['reason'])
    expect(reasons).toEqual([
      'answered with status 401; check RUNPOD_AI_API_KEY',
      'answered with status 500',
      'answered with status 503',
    ])
    expect(JSON.stringify(worker.logged)).not.toContain('key-of-the-worker')
  })

  test('9. is not there at all, the worker goes on asking', async () => {
    await using platform = await runpodPlatform()
    const gone = await webServer(() => {})
    await gone[Symbol.asyncDispose]()
    const take = gone.url('/v2/ep1/job-take/$ID')
    await using worker = await runpodWorker(platform, { RUNPOD_WEBHOOK_GET_JOB: take })
    const refused = () => worker.logged.filter(({ event }) => event === 'claim.failed')
    await expect.poll(() => refused().length).toBeGreaterThan(2)
    expect(refused()[0]!.fields['reason']).toBe('refused the connection')
  })

  test('12. fails twice to hear an outcome, it hears the same a third time, as from the SDK', async () => {
    await using platform = await runpodPlatform()
    failFinals(platform, { status: 500 }, { status: 500 })
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'stubborn', input: worker.job })
    await outcome(platform, 'stubborn')
    const lines = said(platform, 'done').done!.filter(({ body }) => !body!.includes('IN_PROGRESS'))
    const requests = (some: typeof lines) => some.map(({ request }) => request)
    expect(requests(lines)).toEqual(requests(sdkTrace('done-answers-500').done!))
    expect(new Set(lines.map(({ body }) => body)).size).toBe(1)
  })

  test('13. loses the connection or is busy, the outcome is told until it is heard', async () => {
    await using platform = await runpodPlatform()
    const pauses = skipPauses(7_000)
    const busy = { status: 429, headers: { 'retry-after': '7' } }
    failFinals(platform, { cut: 'before' }, busy, { status: 408 })
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'a', input: worker.job })
    await outcome(platform, 'a')
    expect(finals(platform)).toHaveLength(4)
    expect(pauses.count).toBe(1)
    const ping = platform.recorder.of('ping').find(({ at }) => at > finals(platform)[1]!.at)
    expect(ping!.query[0]).toBe('job_id=a')
  })

  test('13. does not answer in time, or for too long, the try ends, and in the end the telling', async () => {
    await using platform = await runpodPlatform()
    using own = queue.queueOf(platform, { deadlineMs: 2_000 })
    const signal = AbortSignal.timeout(300_000)
    failFinals(platform, { silent: true }, ...Array<Fault>(9).fill({ status: 503 }))
    const post = own.client.post(own.urls.done('a'), 'a', '{}', 200, signal)
    await expect(post).rejects.toThrow('did not answer within 0.2 s')
    await expect(own.source.deliver(succeeded('a'), signal)).rejects.toThrow('status 503')
    await pause(2_000)
    expect(await own.source.deliver(succeeded('a'), signal)).toBe('refused')
    expect(own.logged.at(-1)).toMatchObject({
      event: 'outcome.given_up',
      fields: { job: 'a', status: 503, bytes: expect.any(Number) },
    })
  })

  test('14. refuses a result as too large, the job fails with a short text', async () => {
    for (const status of [400, 413]) {
      await using platform = await runpodPlatform()
      failFinals(platform, { status })
      await using worker = await runpodWorker(platform)
      platform.hand({ id: 'large', input: worker.job })
      const { error, output } = await outcome(platform, 'large')
      const bytes = Buffer.byteLength(finals(platform)[0]!.body)
      expect(error).toBe(`result too large: ${bytes} bytes were refused with status ${status}`)
      expect(output).toBeUndefined()
    }
  })

  test('14. refuses the short text too, or knows no such job, nothing more is said', async () => {
    await using platform = await runpodPlatform()
    failFinals(platform, { status: 400 }, { status: 400 }, { status: 410 })
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'gone', input: worker.job }, { id: 'unknown', input: worker.job })
    platform.hand({ id: 'next', input: worker.job })
    await outcome(platform, 'next')
    const ids = finals(platform).map(({ path }) => path.split('/').at(-1))
    expect(ids).toEqual(['gone', 'gone', 'unknown', 'next'])
  })

  test('14b. is being replaced behind a gateway that says 404, the result is sent again', async () => {
    await using platform = await runpodPlatform()
    failFinals(platform, { status: 404 })
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'kept', input: worker.job })
    expect((await outcome(platform, 'kept')).error).toBeUndefined()
    expect(finals(platform)).toHaveLength(2)
  })

  test('15. would not take a result for its size, it is not sent', async () => {
    await using platform = await runpodPlatform()
    using own = queue.queueOf(platform)
    const signal = AbortSignal.timeout(300_000)
    const large = { notes: 'ä'.repeat(6_000_000) }
    expect(await own.source.deliver(succeeded('a', large), signal)).toBe('delivered')
    expect(platform.outcomes.get('a')).toEqual({
      error: expect.stringMatching(
        /^result too large: 120\d{5} bytes are more than the 9500000 that/,
      ),
    })
    expect(await own.source.deliver(succeeded('sync-a', large), signal)).toBe('delivered')
    expect(platform.outcomes.get('sync-a')).toHaveProperty('output.metadata.notes')
  })

  test('19. stops jobs, they end without a word, and the others go on', async () => {
    await using platform = await runpodPlatform()
    const engines = queue.severalEngines(2)
    await using worker = await runpodWorker(platform, { CONCURRENCY: '2' }, { engines })
    const { recorder } = platform
    const held = () => recorder.of('ping').at(-1)?.query[0] ?? ''
    platform.hand({ id: 'running', input: worker.endless }, { id: 'other', input: worker.endless })
    await recorder.until(() => held().includes('%2C'), 'both are held')
    platform.stop('unknown', 7, null, 'other')
    await recorder.until(() => held() === 'job_id=running', 'one is held')
    platform.hand({ id: 'short', input: worker.job })
    await recorder.until(() => held().includes('short'), 'a job waits for the engine')
    platform.faults.stop = [
      { status: 200, headers: json, body: '{"jobsToStop":"running"}' },
      { status: 200, headers: json, body: '["running"]' },
      { status: 200, headers: { 'content-type': 'text/html' }, body: 'no' },
    ]
    platform.stop('short')
    await recorder.until(() => held() === 'job_id=running', 'the waiting one is gone')
    await recorder.until(() => recorder.of('stop').length >= 6, 'more polls')
    expect(held()).toBe('job_id=running')
    platform.stop('running', 'other')
    platform.hand({ id: 'next', input: worker.job })
    await outcome(platform, 'next')
    expect(finals(platform).map(({ path }) => path.split('/').at(-1))).toEqual(['next'])
    expect(withoutContentType(said(platform, 'stop').stop)).toEqual(
      withoutContentType(sdkTrace('stop-running').stop),
    )
  })

  test('20. has no stop channel, or is busy there, or fails, it is asked less often', async () => {
    await using platform = await runpodPlatform({ holdMs: 60_000 })
    using own = queue.queueOf(platform)
    const at = () => platform.recorder.of('stop').map((poll) => poll.at)
    platform.faults.stop = [404, 501, 429, 500, 500, 204].map((status) => ({ status }))
    const over = new AbortController()
    const { log, events } = collectLog()
    const pace = { emptyMs: 200, busyMs: 500, absentMs: 900 }
    const stops = cancellations(own.client, own.urls.stop, log, over.signal, pace)
    const first = stops.next()
    await platform.recorder.until(() => at().length === 7, 'seven polls')
    const [a, b, c, d, e, f] = gaps(at()) as [number, number, number, number, number, number]
    for (const gap of [a, b]) expect(gap).toBeGreaterThan(890)
    expect(c).toBeGreaterThan(490)
    expect(d).toBeGreaterThan(95)
    expect(e).toBeGreaterThan(195)
    expect(f).toBeGreaterThan(195)
    expect(events()).toEqual(['stops.absent', 'stops.failed', 'stops.failed'])
    over.abort()
    expect(await first).toEqual({ done: true, value: undefined })
  })

  test('20. has no take URL that tells of the stop channel, there is none', async () => {
    using client = openClient({ key: undefined, agent: 'test' })
    const urls = urlsOf(
      { take: 'http://a.test/jobs/$ID', done: 'http://a.test/', ping: undefined },
      {
        ...{ workerId: 'w1', gpuType: '' },
      },
    )
    const { log, events } = collectLog()
    const stops = cancellations(client, urls.stop, log, new AbortController().signal)
    expect((await stops.next()).done).toBe(true)
    expect(events()).toEqual(['stops.unknown'])
  })

  test('26. could not be told a result as JSON, it is told that', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    for (const output of [circle, { big: 1n }]) {
      const body = JSON.parse(resultBody({ output })) as { error: string }
      expect(body.error).toMatch(/^the result cannot be written as JSON: /)
      expect(body).not.toHaveProperty('output')
    }
  })
})

describe('22. a template', () => {
  const names = { workerId: 'w 1', gpuType: 'NVIDIA L4' }
  const of = (take: string, done = take) => urlsOf({ take, done, ping: take }, names)

  test('without a question mark gets one, and keeps what is there', () => {
    expect(of('http://a.test/job-take/$ID').take(1, false)).toBe(
      'http://a.test/job-take/w%201?job_in_progress=0',
    )
    expect(of('http://a.test/job-take/$ID?a=1&gpu=A+B').take(1, true)).toBe(
      'http://a.test/job-take/w%201?a=1&gpu=A+B&job_in_progress=1',
    )
    expect(of('http://a.test/job-take/x?gpu=A B').take(1, true)).toBe(
      'http://a.test/job-take/x?gpu=A%20B&job_in_progress=1',
    )
  })

  test('gets all of its placeholders, whatever stands in the values', () => {
    const urls = urlsOf(
      {
        take: 'http://a.test/job-take/$RUNPOD_POD_ID/$ID?g=$RUNPOD_GPU_TYPE_ID',
        done: 'http://a.test/job-done/$RUNPOD_POD_ID/$ID/$ID',
        ping: 'http://a.test/ping/$RUNPOD_POD_ID',
      },
      { workerId: '$ID', gpuType: '' },
    )
    expect(urls.take(1, false)).toBe('http://a.test/job-take/%24ID/%24ID?g=&job_in_progress=0')
    expect(urls.done('a/b$&')).toBe(
      'http://a.test/job-done/%24ID/a%2Fb%24%26/a%2Fb%24%26?isStream=false',
    )
    expect(urls.ping!({ job_id: '', runpod_version: 'x/1' })).toBe(
      'http://a.test/ping/%24ID?runpod_version=x%2F1',
    )
  })

  test('is only changed in its path, once, where another route is meant', () => {
    const urls = of('http://a.test/job-take/x/job-take/?next=/job-take/')
    expect(urls.stop).toBe('http://a.test/job-stop/x/job-take/?next=/job-take/')
    expect(urls.take(3, false)).toBe(
      'http://a.test/job-take-batch/x/job-take/?next=/job-take/&batch_size=3&job_in_progress=0',
    )
    expect(of('http://a.test/take?x=/job-take/').take(3, false)).toBe(
      'http://a.test/take?x=/job-take/&job_in_progress=0',
    )
  })

  test('with a plus is asked by as the SDK does; a space is one, however it is written', async () => {
    await using platform = await runpodPlatform()
    const query = 'gpu=A+B&cpu=C D'
    await using worker = await runpodWorker(platform, {
      RUNPOD_WEBHOOK_GET_JOB: `${platform.origin}/v2/ep1/job-take/$ID?${query}`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${platform.origin}/v2/ep1/job-done/$RUNPOD_POD_ID/$ID?${query}`,
    })
    platform.hand({ id: 'a', input: worker.job })
    await outcome(platform, 'a')
    const sdk = sdkTrace('template-with-plus-and-space')
    const own = said(platform, 'take', 'done')
    const spaced = (line: { request: string } | undefined) => line!.request.replace('C%20D', 'C+D')
    expect(spaced(own.take![0])).toBe(spaced(sdk.take![0]))
    expect(spaced(own.done!.at(-1))).toBe(spaced(sdk.done![0]))
  })
})
