import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { WorkerError } from '../../handler/errors.ts'
import { resultBody } from '../../runtime/sources/runpod/payloads.ts'
import { pretendedEngine, VIDEO } from '../helpers/servers/worker-server.ts'
import { runpodPlatform } from '../helpers/runpod/platform.ts'
import * as queue from '../helpers/runpod/worker.ts'

// Numbers and names are those of the contract's list of scenarios; what RunPod's own SDK said in them
// is in ../conformance/traces.

const { runpodWorker, sdkTrace, said, outcome, finals, withoutContentType } = queue
const bodies = (name: string) => sdkTrace(name).done!.map(({ body }) => body!)
const outputs = (name: string) => bodies(name).map((body) => JSON.parse(body) as queue.Word)

describe('the words of a worker', () => {
  test('1. a job with a value is taken, answered and told as by the SDK', async () => {
    await using platform = await runpodPlatform()
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'text', input: worker.job })
    const { output } = await outcome(platform, 'text')
    const video = await fetch(String(output!['output_url']))
    expect(Buffer.from(await video.arrayBuffer()).equals(VIDEO)).toBe(true)
    const sdk = sdkTrace('values')
    const own = said(platform, 'take')
    expect(withoutContentType(own.take).slice(0, 1)).toEqual(
      withoutContentType(sdk.take).slice(0, 1),
    )
    const { body: _sdk, ...told } = sdk.done![0]!
    expect(said(platform, 'done').done!.at(-1)).toMatchObject(told)
  })

  test('1. values of every kind get the same bodies as from the SDK', () => {
    for (const [at, body] of bodies('values').entries()) {
      expect(resultBody(outputs('values')[at]!)).toBe(body)
    }
    expect(bodies('values').at(-1)).toBe('{}')
  })

  test('2. a failure of the worker is told with the keys of the SDK, ours behind them', async () => {
    await using platform = await runpodPlatform()
    const render = async () => {
      throw new WorkerError('OUT_OF_MEMORY', 'out of memory')
    }
    const engines = { ...pretendedEngine(), render }
    await using worker = await runpodWorker(platform, { RUNPOD_POD_HOSTNAME: 'h1' }, { engines })
    platform.hand({ id: 'throws', input: worker.job })
    const { error, output } = await outcome(platform, 'throws')
    const ours = JSON.parse(error!) as Record<string, unknown>
    const sdk = JSON.parse(outputs('throws')[0]!.error as string) as Record<string, unknown>
    expect(Object.keys(ours)).toEqual([...Object.keys(sdk), 'code', 'stage', 'retryable'])
    expect(ours).toMatchObject({ error_message: 'out of memory', hostname: 'h1', worker_id: 'w1' })
    expect(output).toBeUndefined()
  })

  test('3. an error beside an output is told as by the SDK; one that is an object, as a text', () => {
    const [text, beside, object, falsy] = bodies('errors')
    expect(resultBody({ error: 'x' })).toBe(text)
    expect(resultBody({ output: { a: 1 }, error: 'x' })).toBe(beside)
    expect(resultBody({ output: { a: 1 } })).toBe(falsy)
    const word = JSON.parse(object!) as { error: object }
    expect(resultBody(word)).toBe(JSON.stringify({ error: JSON.stringify(word.error) }))
  })

  test('4. a refresh stands beside the output, as in the SDK, and nothing is taken after it', async () => {
    const [job] = outputs('refresh-by-job')
    expect(resultBody(job!)).toBe(bodies('refresh-by-job')[0])
    const [only] = outputs('refresh-by-configuration')
    expect(resultBody(only!)).toBe(bodies('refresh-by-configuration')[0])

    await using platform = await runpodPlatform()
    const { promise: quit, resolve } = Promise.withResolvers<void>()
    using own = queue.queueOf(platform, {
      refresh: true,
      terminateAfterMs: 300,
      terminate: resolve,
    })
    platform.hand({ id: 'a', input: { x: 1 } }, { id: 'b', input: { x: 1 } })
    const stop = new AbortController()
    await own.source.claim(1, [], stop.signal)
    const completion = queue.succeeded('a')
    const delivered = own.source.deliver(completion, stop.signal)
    const claim = own.source.claim(1, [], stop.signal)
    expect(await delivered).toBe('delivered')
    expect(platform.outcomes.get('a')).toMatchObject({ output: { job_id: 'a' }, stopPod: true })
    await quit
    expect(platform.recorder.of('take')).toHaveLength(1)
    stop.abort(new Error('stopped'))
    await expect(claim).rejects.toThrow('stopped')
  })

  test('5. and 6. nothing is streamed: a job has one result, and posts are no stream', async () => {
    await using platform = await runpodPlatform()
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'a', input: worker.job })
    await outcome(platform, 'a')
    expect(platform.recorder.of('stream')).toEqual([])
    const posts = platform.recorder.of('done').map(({ query }) => query.at(-1))
    expect(new Set(posts)).toEqual(new Set(['isStream=false']))
  })

  test('7. progress goes where the SDK sends it, in order, one at a time, never after the result', async () => {
    await using platform = await runpodPlatform()
    platform.faults.done = ({ body }) =>
      body.includes('IN_PROGRESS') ? { delayMs: 300 } : undefined
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'slow', input: worker.job })
    await outcome(platform, 'slow')
    const sdk = sdkTrace('progress').done!
    const own = said(platform, 'done').done!
    expect(own.length).toBeGreaterThan(1)
    for (const { body: _, ...line } of own) expect(line).toEqual({ ...sdk[0]!, body: undefined })
    const words = own.map(({ body }) => JSON.parse(body!) as { status?: string; output: object })
    expect(Object.keys(words[0]!)).toEqual(Object.keys(JSON.parse(sdk[0]!.body!) as object))
    expect(words.map(({ status }) => status)).toEqual([
      ...Array<string>(words.length - 1).fill('IN_PROGRESS'),
      undefined,
    ])
    const posts = platform.recorder.of('done')
    for (const [at, post] of posts.slice(1).entries()) {
      expect(post.at).toBeGreaterThanOrEqual(posts[at]!.endedAt!)
    }
  })

  test('10. several jobs are asked for as by the SDK; a platform without batches is asked singly', async () => {
    await using platform = await runpodPlatform()
    {
      await using worker = await runpodWorker(platform, {}, { engines: queue.severalEngines(3) })
      platform.hand(...[1, 2, 3].map((n) => ({ id: `job-${n}`, input: worker.job })))
      await platform.recorder.until(() => platform.outcomes.size === 3)
      const [first] = withoutContentType(said(platform, 'take').take)
      expect(first).toEqual(withoutContentType(sdkTrace('batch').take)[0])
    }
    const before = platform.recorder.of('take').length
    platform.faults.take = ({ path }) => (path.includes('batch') ? { status: 404 } : undefined)
    await using worker = await runpodWorker(platform, {}, { engines: queue.severalEngines(3) })
    platform.hand({ id: 'single', input: worker.job })
    await outcome(platform, 'single')
    const batches = platform.recorder.of('take').slice(before)
    expect(batches.filter(({ path }) => path.includes('batch'))).toHaveLength(1)
  })

  test('11. jobs without input are failed, without id dropped, a duplicate is run once', async () => {
    await using platform = await runpodPlatform()
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'none' }, { id: 'empty', input: {} }, { id: 'text', input: 'hello' })
    platform.hand({ id: '', input: {} }, { id: 'twice', input: worker.job })
    for (const id of ['none', 'empty']) {
      expect((await outcome(platform, id)).error).toBe('INVALID_JOB: input is empty or missing')
    }
    expect((await outcome(platform, 'text')).error).toMatch(/^INVALID_JOB: .*"hello"/)
    await outcome(platform, 'twice')
    expect(worker.logged.map(({ event }) => event)).toContain('take.nameless')

    await using other = await runpodPlatform()
    await using pair = await runpodWorker(other, {}, { engines: queue.severalEngines(2) })
    other.hand({ id: 'same', input: pair.job }, { id: 'same', input: pair.job })
    await outcome(other, 'same')
    await expect.poll(() => pair.logged.map(({ event }) => event)).toContain('claim.twice')
    expect(finals(other)).toHaveLength(1)
  })

  test('16. text of every script has the bytes that the SDK sends, five megabytes of it too', async () => {
    const wide = JSON.parse(bodies('wide-text')[0]!) as queue.Word
    expect(resultBody(wide)).toBe(bodies('wide-text')[0])
    await using platform = await runpodPlatform()
    using own = queue.queueOf(platform)
    const long = resultBody({ output: 'ä€\u{1f600} '.repeat(500_000) })
    const signal = AbortSignal.timeout(300_000)
    await own.client.post(own.urls.done('long'), 'long', long, 10_000, signal)
    expect(said(platform, 'done').done).toEqual(sdkTrace('wide-text').done!.slice(1))
  })

  test('17. pings name the held jobs as those of the SDK, none once they are told', async () => {
    await using platform = await runpodPlatform()
    await using worker = await runpodWorker(platform, {}, { engines: queue.severalEngines(3) })
    const { recorder } = platform
    await recorder.until(() => recorder.of('take').length > 0)
    platform.hand({ id: 'a', input: worker.endless })
    await recorder.until(() => recorder.of('ping').some(({ query }) => query.includes('job_id=a')))
    platform.stop('a')
    await recorder.until(() => recorder.of('ping').at(-1)!.query.length === 1)
    expect(withoutContentType(said(platform, 'ping').ping)).toEqual(
      withoutContentType(sdkTrace('pings').ping),
    )
    platform.hand(...['b', 'c', 'd'].map((id) => ({ id, input: worker.endless })))
    const all = () => recorder.of('ping').at(-1)!.query[0]!
    await recorder.until(() => all().startsWith('job_id=') && all().split('%2C').length === 3)
    expect(all()).toMatch(/^job_id=[bcd]%2C[bcd]%2C[bcd]$/)
    platform.stop('b', 'c', 'd')
    await recorder.until(() => recorder.of('ping').at(-1)!.query.length === 1)
  })

  test('23. the environment of the Hub’s tester is enough, with the port taken', async () => {
    await using platform = await runpodPlatform()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const base = `${platform.origin}/v2/IDE`
    await using worker = await runpodWorker(platform, {
      RUNPOD_WEBHOOK_GET_JOB: `${base}/job-take/$RUNPOD_POD_ID`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${base}/job-done/$RUNPOD_POD_ID/$ID?gpu=$RUNPOD_GPU_TYPE_ID`,
      ...{ RUNPOD_WEBHOOK_PING: '', RUNPOD_AI_API_KEY: '', RUNPOD_ENDPOINT_ID: '' },
      ...{ PORT: String(port), HOST: '127.0.0.1' },
    })
    platform.hand({ id: 'a', input: worker.job })
    await outcome(platform, 'a')
    taken.close()
    expect(worker.logged.map(({ event }) => event)).toContain('worker.not_listening')
    const sdk = sdkTrace('hub-tester')
    const own = said(platform, 'take', 'done', 'ping')
    expect(own.ping).toEqual(sdk.ping)
    // The SDK leaves placeholders in the URLs and puts its parameter into the path.
    expect(own.take![0]!.request).toBe('GET /v2/IDE/job-take/w1?job_in_progress=0')
    expect(own.take![0]!.headers).not.toHaveProperty('authorization')
    expect(own.done!.at(-1)!.request).toBe(sdk.done![0]!.request.replace('$RUNPOD_GPU_TYPE_ID', ''))
  })

  test('27. the webhook beside the input is the platform’s to call', async () => {
    await using platform = await runpodPlatform()
    await using worker = await runpodWorker(platform)
    platform.hand({ id: 'a', input: worker.job, webhook: `${platform.origin}/hook` })
    await outcome(platform, 'a')
    worker.stopping.soon()
    await worker.stopped
    expect(platform.recorder.of('other')).toEqual([])
  })
})
