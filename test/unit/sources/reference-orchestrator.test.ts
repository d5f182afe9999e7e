import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as checks from '../../helpers/orchestrator/invariants.ts'
import { someFaults, type Fault } from '../../helpers/orchestrator/faults.ts'
import { seeded } from '../../helpers/orchestrator/random.ts'
import type { Entry, Json, Request } from '../../helpers/orchestrator/request-log.ts'
import {
  startOrchestrator,
  type Orchestrator,
  type OrchestratorOptions,
} from '../../helpers/orchestrator/server.ts'

const INPUT = { video_url: 'http://media.test/v.mp4', audio_url: 'http://media.test/a.wav' }
const DONE = {
  status: 'succeeded',
  progress: 1,
  output_url: 'http://x.test/a.mp4',
  metrics: { a: 1 },
}

let now: number
let opened: Orchestrator[]
beforeEach(() => {
  now = 0
  opened = []
})
afterEach(async () => {
  for (const one of opened) await one[Symbol.asyncDispose]()
})

async function open(options: OrchestratorOptions = {}) {
  const orchestrator = await startOrchestrator({ now: () => now, ...options })
  opened.push(orchestrator)
  const post = async (path: string, body: unknown, key = orchestrator.key) => {
    const headers = { 'content-type': 'application/json', 'x-internal-api-key': key }
    const request = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await fetch(`${orchestrator.url}${path}`, request)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const json = async (path: string, body: unknown): Promise<[number, Json]> => {
    const { status, text } = await post(path, body)
    return [status, JSON.parse(text) as Json]
  }
  const idOf = (answer: [number, Json]) => (answer[1]['job'] as Json | null)?.['musetalk_job_id']
  return {
    ...{ orchestrator, post },
    claim: async (worker: string) =>
      idOf(await json('/internal/main/jobs/claim', { worker_id: worker })),
    tell: async (worker: string, job: string, body: Json) =>
      (await post(`/internal/jobs/${job}/progress`, { worker_id: worker, ...body })).status,
    beat: async (worker: string, job: string | null = null) => {
      const body = { status: job ? 'busy' : 'idle', current_job_id: job }
      return (await post(`/internal/main/workers/${worker}/heartbeat`, body)).status
    },
    buffer: async (worker: string) =>
      (await json('/internal/buffer/jobs/claim', { worker_id: worker }))[1]['job'] as Json | null,
    state: (id: string) => orchestrator.jobs.get(id)?.state,
  }
}

const running = (progress: number) => ({ status: 'running', progress })
const failed = (retryable: boolean) => ({
  status: 'failed',
  error: 'no',
  error_code: 'X',
  retryable,
})

describe('the reference orchestrator', () => {
  test('takes a job from a client, gives it to a worker, and shows how it ended', async () => {
    const it = await open()
    const posted = await it.post('/v1/avatar/jobs', { ...INPUT, aspect_ratio: '1:1' })
    expect(posted.status).toBe(201)
    const { id, status } = JSON.parse(posted.text) as { id: string; status: string }
    expect(status).toBe('queued')
    expect(await it.claim('w')).toBe(id)
    expect(await it.claim('w')).toBeUndefined()
    expect(await it.tell('w', id, running(0.5))).toBe(200)
    expect(await it.tell('w', id, { ...DONE, metrics: { PEAK_VRAM_MIB: 3 } })).toBe(200)
    const seen = await fetch(`${it.orchestrator.url}/v1/avatar/jobs/${id}`)
    expect(await seen.json()).toMatchObject({
      ...{ status: 'succeeded', metrics: { peak_vram_mib: 3 }, output_url: DONE.output_url },
    })
  })

  test('wants its key, and ids that it knows', async () => {
    const it = await open()
    expect((await it.post('/internal/main/jobs/claim', { worker_id: 'w' }, 'wrong')).status).toBe(
      401,
    )
    expect(await it.tell('w', 'nobody', DONE)).toBe(404)
    expect((await it.post('/internal/buffer/jobs/nobody/status', DONE)).status).toBe(404)
  })

  test('takes a job back from a worker that is silent, or never speaks of it', async () => {
    const it = await open({ offlineMs: 30, leaseMs: 50 })
    it.orchestrator.submit(INPUT, 'a')
    expect(await it.claim('silent')).toBe('a')
    now = 31
    expect(await it.claim('w')).toBe('a')
    for (now of [60, 90, 120]) expect(await it.beat('w', 'a')).toBe(200)
    expect(await it.claim('other')).toBeUndefined()
    for (now of [140, 160, 180]) expect(await it.beat('w')).toBe(200)
    expect(await it.claim('other')).toBe('a')
    expect(await it.tell('w', 'a', running(0.2))).toBe(409)
    expect(await it.tell('w', 'a', DONE)).toBe(200) // a result is a result
    expect(await it.tell('other', 'a', running(0.2))).toBe(409)
  })

  test('hears the same end twice, and no other one after it', async () => {
    const it = await open()
    it.orchestrator.submit(INPUT, 'a')
    await it.claim('w')
    expect(await it.tell('w', 'a', DONE)).toBe(200)
    expect(await it.tell('w', 'a', DONE)).toBe(200)
    expect(await it.tell('w', 'a', failed(false))).toBe(409)
    expect(checks.endings(it.orchestrator.record())).toEqual([])
  })

  test('tries a job again where the failure says that it may help, else never', async () => {
    const it = await open({ maxAttempts: 2 })
    it.orchestrator.submit(INPUT, 'a')
    it.orchestrator.submit(INPUT, 'b')
    expect(await it.claim('w')).toBe('a')
    expect(await it.tell('w', 'a', failed(true))).toBe(200)
    expect(await it.claim('w')).toBe('a')
    expect(await it.tell('w', 'a', failed(true))).toBe(200) // heard again: not the second attempt's
    expect(it.state('a')).toBe('running')
    await it.tell('w', 'a', running(0.1))
    expect(await it.tell('w', 'a', failed(true))).toBe(200)
    expect(it.state('a')).toBe('failed')
    expect(await it.claim('w')).toBe('b')
    expect(await it.tell('w', 'b', { status: 'failed', error: 'legacy' })).toBe(200)
    expect(it.state('b')).toBe('failed')
  })

  test('says that a canceled job is gone', async () => {
    const it = await open()
    it.orchestrator.submit(INPUT, 'a')
    await it.claim('w')
    const url = `${it.orchestrator.url}/v1/avatar/jobs/a`
    const answer = await fetch(url, { method: 'DELETE' })
    expect(await answer.json()).toEqual({ detail: 'Cancellation requested' })
    expect(await it.tell('w', 'a', running(0.5))).toBe(410)
    expect(await it.tell('w', 'a', DONE)).toBe(410)
    expect(it.state('a')).toBe('canceled')
  })

  test('speaks the buffer protocol: names of its own, leases kept by "busy"', async () => {
    const it = await open({ leaseMs: 50 })
    it.orchestrator.submit(INPUT, 'a')
    const job = await it.buffer('desk')
    expect(job).toMatchObject({ musetalk_job_id: 'a', ...INPUT })
    const beat = (status: string) =>
      it.post('/internal/buffer/workers/desk/heartbeat', { status, gpu_class: 'x', capacity: 1 })
    for (now of [40, 80]) expect((await beat('busy')).status).toBe(200)
    expect(it.state('a')).toBe('running')
    const path = `/internal/buffer/jobs/${String(job!['buffer_job_id'])}/status`
    expect((await it.post(path, { status: 'succeeded' })).status).toBe(422)
    expect((await it.post(path, { ...DONE, status: 'success' })).status).toBe(200)
    expect(it.state('a')).toBe('succeeded')
    expect(checks.phantomSuccesses(it.orchestrator.record())).toHaveLength(1)
  })

  test('knows by the buffer’s name for it which hand-out a failure is about', async () => {
    const it = await open()
    it.orchestrator.submit(INPUT, 'a')
    const given = async () => String((await it.buffer('desk'))!['buffer_job_id'])
    const fail = async (hand: string) =>
      (await it.post(`/internal/buffer/jobs/${hand}/status`, failed(true))).status
    const first = await given()
    expect(await fail(first)).toBe(200)
    const second = await given()
    expect(await it.tell('desk', 'a', running(0.1))).toBe(200)
    expect(await fail(first)).toBe(200) // heard again: the answer was lost
    expect(it.state('a')).toBe('running')
    expect(await it.tell('desk', 'a', running(0.2))).toBe(200)
    expect(checks.sharedJobs(it.orchestrator.record())).toEqual([])
    expect(await fail(second)).toBe(200)
    expect(it.state('a')).toBe('queued')
  })

  test('comes back at the same address, with its memory or without', async () => {
    const it = await open({ knock: true })
    it.orchestrator.submit(INPUT, 'a')
    expect([await it.beat('w'), await it.beat('w')]).toEqual([404, 200])
    await it.claim('w')
    await it.orchestrator.restart({ downMs: 0 })
    expect(await it.beat('w', 'a')).toBe(200)
    expect(it.state('a')).toBe('running')
    await it.orchestrator.restart({ downMs: 0, amnesia: true })
    expect(it.state('a')).toBe('queued')
    expect([await it.beat('w', 'a'), await it.beat('w', 'a')]).toEqual([404, 200])
    expect(await it.tell('w', 'a', running(0.5))).toBe(200) // it goes on where it was
    expect(it.state('a')).toBe('running')
    expect(checks.sharedJobs(it.orchestrator.record())).toEqual([])
  })

  test('gives a job to two, and takes the first result', async () => {
    let twice = false
    const it = await open({ double: () => twice })
    it.orchestrator.submit(INPUT, 'a')
    expect(await it.claim('w')).toBe('a')
    twice = true
    expect(await it.claim('v')).toBe('a')
    expect(await it.tell('w', 'a', running(0.5))).toBe(200)
    expect(await it.tell('v', 'a', running(0.5))).toBe(200)
    expect(await it.tell('v', 'a', failed(true))).toBe(200)
    expect(it.state('a')).toBe('running')
    expect(await it.tell('w', 'a', DONE)).toBe(200)
    expect(checks.sharedJobs(it.orchestrator.record())).toEqual([])
  })

  test('answers late, wrong, or not at all, where it is told to', async () => {
    const it = await open()
    const { orchestrator, claim, post } = it
    const bare = (fault: Fault) => {
      orchestrator.fail('main.claim', fault)
      return post('/internal/main/jobs/claim', { worker_id: 'w' })
    }
    const late = await bare({ kind: 'status', status: 429, retryAfterS: 7 })
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '7'])
    expect((await bare({ kind: 'html' })).text).toContain('<html>')
    for (const kind of ['garbage', 'delay', 'truncated', 'lost', 'reset'] as const) {
      orchestrator.submit(INPUT, kind)
      const answer = bare(kind === 'delay' ? { kind, ms: 1 } : { kind })
      if (kind === 'garbage') expect((await answer).text).toContain('nul')
      else if (kind === 'delay') expect((await answer).text).toContain('"musetalk_job_id":"delay"')
      else await expect(answer).rejects.toThrow()
    }
    // Only what was reset was not handed out.
    expect(await claim('w')).toBe('reset')
    expect(await claim('w')).toBeUndefined()
  })

  test('has accidents by chance, the same for the same seed, on the share that was asked for', () => {
    const run = (seed: number) => {
      const faults = someFaults(seeded(seed), 0.2)
      return Array.from({ length: 5_000 }, () => faults('main.claim'))
    }
    const first = run(1)
    expect(run(1)).toEqual(first)
    expect(run(2)).not.toEqual(first)
    const there = first.filter((fault) => fault !== undefined)
    expect(there.length / 5_000).toBeCloseTo(0.2, 1)
    const kinds = new Set(there.map((it) => (it.kind === 'status' ? it.status : it.kind)))
    const all = [401, 404, 409, 410, 429, 500, 502]
    const others = ['delay', 'garbage', 'gateway', 'html', 'lost', 'reset', 'truncated']
    expect([...kinds].map(String).toSorted()).toEqual([...all.map(String), ...others].toSorted())
  })

  test('waits for what is recorded', async () => {
    const it = await open()
    const one = it.orchestrator.until(
      () => it.orchestrator.record().some(({ kind }) => kind === 'request'),
      AbortSignal.timeout(300_000),
    )
    await it.beat('w')
    await one
    const stop = AbortSignal.abort(new Error('enough'))
    await expect(it.orchestrator.until(() => false, stop)).rejects.toThrow('enough')
  })
})

describe('a check of the record finds', () => {
  const word = (body: Json, changes: Partial<Request> = {}): Request => ({
    ...{ kind: 'request', at: 0, route: 'main.progress', worker: 'w', job: 'a', attempt: 1 },
    ...{ body, fault: undefined, processed: true, status: 200, answer: {}, ...changes },
  })
  const beat = (at: number): Request => word({}, { at, route: 'main.heartbeat' })
  const change = (
    name: 'submitted' | 'handed' | 'requeued' | 'succeeded',
    worker = 'w',
  ): Entry => ({
    ...{ kind: 'change', at: 0, job: 'a', worker, attempt: 1, change: name },
  })
  const turn = (at: number, name: 'up' | 'down'): Entry => ({ kind: 'turn', at, turn: name })

  test('a job that never ends, ends twice, or fails without a word', () => {
    const { endings } = checks
    const given = change('submitted')
    expect(endings([given, change('succeeded')])).toEqual([])
    expect(endings([given])).toEqual(['job a has not ended'])
    expect(endings([given, change('succeeded'), change('succeeded')])).toHaveLength(1)
    const mute = { ...change('succeeded'), change: 'failed', code: 'undefined' } as Entry
    expect(endings([given, mute])).toEqual(['job a has failed without a reason'])
  })

  test('words after the end of an attempt', () => {
    const { wordsAfterTheEnd: check } = checks
    expect(check([word(running(0.5)), word(DONE), word(DONE)])).toEqual([])
    expect(check([word(failed(true)), word(running(0.05), { attempt: 2 })])).toEqual([])
    expect(check([word(DONE), word(running(0.9))])).toHaveLength(1)
    expect(check([word(DONE), word(failed(true))])).toHaveLength(1)
  })

  test('progress that falls', () => {
    const { fallingProgress: check } = checks
    expect(check([word(running(0.1)), word(running(0.1)), word(DONE)])).toEqual([])
    expect(check([word(running(0.5)), word({ status: 'failed', progress: 0 })])).toEqual([])
    expect(check([word(running(0.5)), word(running(0.1), { attempt: 2 })])).toEqual([])
    expect(check([word(running(0.5)), word(running(0.1))])).toHaveLength(1)
  })

  test('a success without its object or its measurements', () => {
    const { phantomSuccesses: check } = checks
    const { output_url: _, ...urlless } = DONE
    expect(check([word(DONE)])).toEqual([])
    expect(check([word(urlless), word({ ...DONE, metrics: {} })])).toHaveLength(2)
  })

  test('a worker that goes on after it was told to stop', () => {
    const { deafness: check } = checks
    const gone = word(running(0.1), { status: 410 })
    expect(check([gone, word(running(0.2))])).toEqual([])
    expect(check([gone, word(running(0.2)), word(running(0.3))])).toHaveLength(1)
  })

  test('two workers at one job', () => {
    const { sharedJobs: check } = checks
    const [mine, other] = [change('handed'), change('handed', 'v')]
    const work = (worker: string) => word(running(0.1), { worker })
    expect(check([mine, work('w'), change('requeued'), other, work('v'), work('w')])).toEqual([])
    expect(check([mine, other])).toHaveLength(1)
    expect(check([mine, { ...other, duplicate: true } as Entry, work('v')])).toEqual([])
    expect(check([mine, work('w'), work('v')])).toHaveLength(1)
    const back = { ...change('requeued'), why: 'retryable' } as Entry
    expect(check([mine, back, other, work('w')])).toHaveLength(1)
    expect(check([mine, back, work('w')])).toHaveLength(1)
    const again = { ...change('handed'), attempt: 2, duplicate: true } as Entry
    expect(check([mine, again, back, work('w')])).toEqual([])
    const lost = { ...change('requeued'), why: 'lease' } as Entry
    const both = { ...back, attempt: 2 } as Entry
    expect(check([mine, lost, again, both, work('w')])).toHaveLength(1)
  })

  test('a worker that lives and is silent, unless nobody could hear it', () => {
    const life = { worker: 'w', from: 0, to: 40_000 }
    const check = checks.silences([life], 15_000)
    expect(check([beat(10_000), beat(20_000), beat(30_000)])).toEqual([])
    expect(check([beat(10_000), beat(30_000)])).toEqual(['w was silent for 20000 ms'])
    expect(check([beat(10_000), beat(20_000)])).toHaveLength(1)
    expect(check([beat(10_000), turn(12_000, 'down'), turn(18_000, 'up'), beat(30_000)])).toEqual(
      [],
    )
  })
})
