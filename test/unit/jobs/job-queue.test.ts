import { describe, expect, test, vi } from 'vitest'
import type { HandleOptions } from '../../../handler/job-context.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import type { GrowingFile } from '../../../handler/system/growing-file.ts'
import { CanceledError, UpstreamError, WorkerError } from '../../../handler/errors.ts'
import { isFinal } from '../../../runtime/jobs/job-record.ts'
import { heldJobs, JOB, resultFor, settle, submission } from '../../helpers/jobs/controlled-jobs.ts'

const opened = (changes: Parameters<typeof heldJobs>[0] = {}) => {
  const held = heldJobs(changes)
  held.jobs.open()
  return held
}
const never = new AbortController().signal
const codeOf = (run: () => unknown) => {
  try {
    run()
    return 'taken'
  } catch (error) {
    return (error as WorkerError).code
  }
}

describe('running jobs', () => {
  test('jobs wait until the models are warm, then run in the order they came', async () => {
    const { jobs, calls } = heldJobs({ slots: 2, queueLimit: 3 })
    for (const id of ['a', 'b', 'c']) jobs.submit(submission(id))
    expect(jobs.counts()).toMatchObject({ queued: 3, running: 0 })
    jobs.open()
    expect(calls.map(({ id }) => id)).toEqual(['a', 'b'])
    calls[0]!.succeed()
    await settle()
    expect(calls.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })

  test('never more handlers are in flight than there are slots', async () => {
    const { jobs, calls } = opened({ slots: 2, queueLimit: 50 })
    let inFlight = 0
    for (let i = 0; i < 20; i++) jobs.submit(submission(`j${i}`))
    for (let done = 0; done < 20; done++) {
      inFlight = Math.max(inFlight, jobs.counts().running)
      calls[done]!.succeed()
      await settle()
    }
    expect(inFlight).toBe(2)
    expect(jobs.counts()).toMatchObject({ queued: 0, running: 0, succeeded: 20 })
  })

  test('a full queue refuses with BUSY and says when to come back', () => {
    const { jobs } = opened({ queueLimit: 2 })
    for (const id of ['a', 'b', 'c']) jobs.submit(submission(id))
    expect(codeOf(() => jobs.submit(submission('d')))).toBe('BUSY')
    expect(jobs.retryAfter()).toBeGreaterThanOrEqual(1)
  })

  test('a worker that cannot render refuses with its reason', () => {
    const refusal = () => new WorkerError('MODEL_BROKEN', 'a graph is damaged')
    const { jobs } = opened({ unavailable: refusal })
    expect(codeOf(() => jobs.submit(submission('a')))).toBe('MODEL_BROKEN')
  })

  test('a payload that is no job fails with a final event', async () => {
    const { jobs } = opened()
    const job = jobs.submit(submission('a', { payload: { nonsense: 1 } }))
    await jobs.waitFor(job, never)
    expect(job.error?.code).toBe('INVALID_JOB')
    expect(job.events.last).toMatchObject({ type: 'job.failed', status: 'failed' })
  })

  test('whoever hears of the end can ask for the result', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    // The handler has said so, and still tidies up.
    calls[0]!.report.succeeded(resultFor('a'))
    expect([job.state, job.events.last?.type]).toEqual(['running', 'job.progress'])
    calls[0]!.succeed()
    await settle()
    expect([job.state, job.events.last?.type]).toEqual(['succeeded', 'job.succeeded'])
    expect([...job.events.from(0)].filter(({ status }) => status !== 'running')).toHaveLength(1)
  })

  test('a failed job keeps its last progress and gets one final event', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    calls[0]!.report.frames(1, 2)
    calls[0]!.report.failed(new UpstreamError('UPLOAD_FAILED', 'no'))
    calls[0]!.fail(new UpstreamError('UPLOAD_FAILED', 'no'))
    await jobs.waitFor(job, never)
    const events = job.events.from(0)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
    expect(events.filter(({ status }) => status !== 'running')).toHaveLength(1)
    expect(job.events.last).toMatchObject({ status: 'failed', progress: 0.5 })
  })
})

describe('the same id again', () => {
  test('is joined while it waits or runs: one handler, one outcome', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    expect(jobs.submit(submission('a'))).toBe(job)
    const sorted = { audio: JOB.audio_url, id: 'a', video: JOB.video_url }
    expect(jobs.submit(submission('a', { payload: sorted }))).toBe(job)
    expect(calls).toHaveLength(1)
  })

  test('with another input is refused, while it runs and when it has succeeded', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    const other = submission('a', { payload: { ...JOB, id: 'a', fps: 30 } })
    expect(codeOf(() => jobs.submit(other))).toBe('JOB_CONFLICT')
    calls[0]!.succeed()
    await jobs.waitFor(job, never)
    expect(codeOf(() => jobs.submit(other))).toBe('JOB_CONFLICT')
  })

  test('is answered from memory when it has succeeded, unless it is forced', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    calls[0]!.succeed()
    await jobs.waitFor(job, never)
    expect(jobs.submit(submission('a'))).toBe(job)
    expect(calls).toHaveLength(1)
    const forced = submission('a', { payload: { ...JOB, id: 'a', force: true } })
    expect(jobs.submit(forced)).not.toBe(job)
    expect(calls).toHaveLength(2)
  })

  test('runs again when it has failed, as a queue that retries expects', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    calls[0]!.fail(new UpstreamError('DOWNLOAD_FAILED', 'reset'))
    await jobs.waitFor(job, never)
    expect(jobs.submit(submission('a'))).not.toBe(job)
    expect(calls).toHaveLength(2)
  })

  test('two jobs that would write the same object run one after the other', async () => {
    const { jobs, calls } = opened({ slots: 4 })
    const output = { key: 'same.mp4' }
    jobs.submit(submission('a', { payload: { ...JOB, id: 'a', output } }))
    jobs.submit(submission('b', { payload: { ...JOB, id: 'b', output } }))
    jobs.submit(submission('c'))
    expect(calls.map(({ id }) => id)).toEqual(['a', 'c'])
    calls[0]!.succeed()
    await settle()
    expect(calls.map(({ id }) => id)).toEqual(['a', 'c', 'b'])
  })
})

describe('giving a job up', () => {
  test('a waiting job is canceled without ever running', async () => {
    const { jobs, calls } = opened()
    jobs.submit(submission('a'))
    const job = jobs.submit(submission('b'))
    jobs.cancel(job)
    expect(job.state).toBe('canceled')
    expect(job.events.last?.type).toBe('job.canceled')
    calls[0]!.succeed()
    await settle()
    expect(calls).toHaveLength(1)
  })

  test('a running job is canceled at once, its slot is free when its handler has ended', async () => {
    let end = () => {}
    const { jobs } = opened({
      handle: () => new Promise((_, reject) => (end = () => reject(new Error('late')))),
    })
    const job = jobs.submit(submission('a'))
    jobs.cancel(job)
    expect(job.state).toBe('canceled')
    expect(jobs.counts().running).toBe(1)
    end()
    await settle()
    expect(jobs.counts().running).toBe(0)
    expect(job.error?.code).toBe('CANCELED')
  })

  test('a late result of a canceled job is discarded', async () => {
    const { jobs, calls } = opened()
    const job = jobs.submit(submission('a'))
    jobs.cancel(job)
    const told = job.events.last
    calls[0]!.report.phase('uploading')
    calls[0]!.succeed()
    await settle()
    expect(job).toMatchObject({ state: 'canceled', error: { code: 'CANCELED' } })
    expect(job.result).toBeUndefined()
    expect(job.events.last).toBe(told)
    expect(jobs.counts()).toMatchObject({ succeeded: 0, canceled: 1 })
  })

  test('a handler that does not end has no say in the attempt after its own', async () => {
    const heard: HandleOptions[] = []
    const ends: (() => void)[] = []
    const { jobs, clock } = opened({
      handle: (_payload, call) =>
        new Promise((_, reject) => {
          heard.push(call)
          ends.push(() => reject(new Error('late')))
        }),
    })
    const job = jobs.submit(submission('a', { timeoutMs: 1000 }))
    jobs.cancel(job)
    jobs.retry(job)
    const told = job.events.last
    const progress: Partial<JobEvent> = {
      ...{ type: 'job.progress', status: 'running', phase: 'uploading', progress: 0.9 },
    }
    heard[0]!.onEvent!(progress as JobEvent)
    heard[0]!.onVideo!({} as GrowingFile)
    clock.pass(1001)
    expect([job.state, job.events.last, job.video]).toEqual(['queued', told, undefined])
    ends[0]!()
    await settle()
    expect([job.state, job.attempts]).toEqual(['running', 2])
    clock.pass(1001)
    expect(job.error?.code).toBe('DEADLINE')
  })

  test('a job is canceled when the last who attends to it goes away', async () => {
    const { jobs, calls } = opened()
    const clients = [new AbortController(), new AbortController()]
    const job = jobs.submit(submission('a', { detached: false }))
    const waits = clients.map(({ signal }) => jobs.waitFor(job, signal))
    clients[0]!.abort()
    await waits[0]
    expect(job.state).toBe('running')
    clients[1]!.abort()
    await waits[1]
    expect(job.state).toBe('canceled')
    expect(calls[0]!.signal.aborted).toBe(true)
  })

  test('a detached job goes on without anybody', async () => {
    const { jobs } = opened()
    const client = new AbortController()
    const job = jobs.submit(submission('a'))
    const wait = jobs.waitFor(job, client.signal)
    client.abort()
    await wait
    expect(job.state).toBe('running')
  })

  test('a job that runs past its limit fails with DEADLINE; the worker’s limit is the longest', () => {
    const { jobs, clock, calls } = opened({ limitMs: 10_000, slots: 2 })
    const short = jobs.submit(submission('a', { timeoutMs: 5_000 }))
    const long = jobs.submit(submission('b', { timeoutMs: 50_000 }))
    clock.pass(5_000)
    expect([short.error?.code, long.error?.code]).toEqual(['DEADLINE', undefined])
    clock.pass(5_000)
    expect(long.error).toMatchObject({ code: 'DEADLINE', retryable: true })
    expect(calls.every(({ signal }) => signal.aborted)).toBe(true)
  })

  test('purging cancels what waits, of one channel only', () => {
    const { jobs } = opened({ queueLimit: 9 })
    const channels = ['runpod', 'runpod', 'jobs', 'runpod'] as const
    for (const [i, channel] of channels.entries()) jobs.submit(submission(`j${i}`, { channel }))
    expect(jobs.purge('runpod')).toBe(2)
    expect(jobs.counts()).toMatchObject({ queued: 1, running: 1, canceled: 2 })
  })
})

describe('memory', () => {
  test('the only timer that an ended job leaves is that of its outcome', async () => {
    const { jobs, calls, clock } = opened()
    jobs.submit(submission('a'))
    expect(clock.pending()).toBe(1) // its limit
    calls[0]!.succeed()
    await settle()
    expect(clock.pending()).toBe(1)
    clock.pass(60_001)
    expect(clock.pending()).toBe(0)
    expect(jobs.get('a')).toBeUndefined()
  })

  test('an outcome is kept for its time, then forgotten', async () => {
    const { jobs, clock, calls } = opened()
    jobs.submit(submission('a', { retentionMs: 1000 }))
    calls[0]!.succeed()
    await settle()
    clock.pass(999)
    expect(jobs.get('a')?.state).toBe('succeeded')
    clock.pass(1)
    expect(jobs.get('a')).toBeUndefined()
  })

  test('a job whose time to live is over is stopped and forgotten in whatever state', () => {
    const { jobs, clock, calls } = opened()
    jobs.submit(submission('a', { ttlMs: 10_000 }))
    jobs.submit(submission('b', { ttlMs: 10_000 }))
    clock.pass(10_000)
    expect([jobs.get('a'), jobs.get('b')]).toEqual([undefined, undefined])
    expect(calls[0]!.signal.aborted).toBe(true)
  })

  test('a failed job is retried under its id, and counted', async () => {
    const { jobs, clock, calls } = opened()
    const job = jobs.submit(submission('a', { retentionMs: 1000 }))
    calls[0]!.fail(new UpstreamError('UPLOAD_FAILED', 'no'))
    await settle()
    jobs.retry(job)
    clock.pass(5000) // the first outcome would be forgotten by now
    calls[1]!.succeed()
    await settle()
    expect(jobs.get('a')).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(job.error).toBeUndefined()
    expect(jobs.counts()).toMatchObject({ failed: 1, succeeded: 1, retried: 1 })
  })

  test('no more than a thousand outcomes are kept', async () => {
    const { jobs } = opened({ handle: () => Promise.reject(new Error('no')), slots: 2000 })
    for (let i = 0; i < 1100; i++) jobs.submit(submission(`j${i}`))
    await settle()
    expect(jobs.list().length).toBeLessThanOrEqual(1000)
    expect(jobs.list().every(isFinal)).toBe(true)
  })
})

describe('stopping', () => {
  test('an idle worker is drained at once', async () => {
    const { jobs, stopping } = opened()
    stopping.soon()
    await jobs.drained()
  })

  test('nothing more is taken, what is there is finished', async () => {
    const { jobs, calls, stopping } = opened()
    jobs.submit(submission('a'))
    const waiting = jobs.submit(submission('b'))
    stopping.soon()
    expect(codeOf(() => jobs.submit(submission('c')))).toBe('SHUTDOWN')
    calls[0]!.succeed()
    await settle()
    calls[1]!.succeed()
    await jobs.drained()
    expect(waiting.state).toBe('succeeded')
  })

  test('what is not finished in time is handed back as a retryable SHUTDOWN', async () => {
    const { jobs, stopping } = opened()
    const both = [jobs.submit(submission('a')), jobs.submit(submission('b'))]
    stopping.soon()
    stopping.now()
    await jobs.drained()
    for (const { error } of both) {
      expect(error).toBeInstanceOf(CanceledError)
      expect(error).toMatchObject({ code: 'SHUTDOWN', retryable: true })
    }
  })

  test('a worker that stops before it was ever ready hands its queue back', async () => {
    const { jobs, stopping } = heldJobs()
    const job = jobs.submit(submission('a'))
    stopping.soon()
    await jobs.drained()
    expect(job.error?.code).toBe('SHUTDOWN')
  })
})

describe('who sends a job again', () => {
  const HOOK = 'https://two.test/hook'
  const again = (metadata: object, more: object = {}) => ({
    ...submission('a'),
    payload: { ...JOB, id: 'a', metadata, ...more },
  })

  test('is answered with its own metadata, and its webhook is told, while the job runs', async () => {
    const joined: unknown[] = []
    const { jobs, calls } = opened({ onJoin: (job, caller) => joined.push([job.id, caller]) })
    const job = jobs.submit(again({ caller: 1 }, { webhook: 'https://one.test/hook' }))
    jobs.submit(again({ caller: 2 }, { webhook: HOOK }))
    jobs.submit(again({ caller: 2 }, { webhook: HOOK })) // told already
    jobs.submit(again({ caller: 2 }, { webhook: 'https://one.test/hook' }))
    expect(joined).toEqual([['a', { metadata: { caller: 2 }, webhook: { url: HOOK } }]])
    calls[0]!.succeed()
    await settle()
    expect(job.result!.metadata).toEqual({ caller: 2 })
    expect(job.events.last).toMatchObject({
      metadata: { caller: 2 },
      result: { metadata: { caller: 2 } },
    })
  })

  test('is answered so when it is over too, and its webhook is told each time', async () => {
    let joined = 0
    const { jobs, calls } = opened({ onJoin: () => joined++ })
    const job = jobs.submit(again({ caller: 1 }, { webhook: HOOK }))
    calls[0]!.succeed()
    await settle()
    jobs.submit(again({ caller: 2 }, { webhook: HOOK }))
    expect([joined, job.result!.metadata]).toEqual([1, { caller: 2 }])
  })

  test('with a fresh presigned URL has it uploaded there; with the same one it is done', async () => {
    const { jobs, calls } = opened()
    const upload = (signature: number) =>
      again({}, { output: { url: `https://s3.test/a.mp4?X-Amz-Signature=${signature}` } })
    jobs.submit(upload(1))
    calls[0]!.succeed()
    await settle()
    jobs.submit(upload(1))
    expect(calls).toHaveLength(1)
    jobs.submit(upload(2))
    expect(calls).toHaveLength(2)
  })

  test('with a fresh presigned URL for a picture has that uploaded; its video is looked for', async () => {
    const isStored = vi.fn<() => Promise<boolean>>(async () => true)
    const { jobs, calls } = opened({ isStored })
    const poster = (signature: number) =>
      again(
        {},
        { output: { poster: { url: `https://s3.test/a.jpg?X-Amz-Signature=${signature}` } } },
      )
    jobs.submit(poster(1))
    calls[0]!.succeed()
    await settle()
    await jobs.recheck('a')
    expect(isStored).toHaveBeenCalledOnce()
    jobs.submit(poster(1))
    expect(calls).toHaveLength(1)
    jobs.submit(poster(2))
    expect(calls).toHaveLength(2)
  })

  test('has it done again when its object is gone, and not when nobody can tell', async () => {
    let stored = true
    const looked: string[] = []
    const { jobs, calls } = opened({
      async isStored(object, { sha256 }) {
        looked.push(`${object} ${sha256.slice(0, 4)}`)
        return stored
      },
    })
    await jobs.recheck('a') // unknown
    jobs.submit(submission('a'))
    await jobs.recheck('a') // runs
    calls[0]!.succeed()
    await settle()
    await jobs.recheck('a')
    expect(jobs.get('a')!.state).toBe('succeeded')
    stored = false
    await jobs.recheck('a')
    expect(jobs.get('a')).toBeUndefined()
    expect(looked).toEqual(['a.mp4 abab', 'a.mp4 abab'])
  })
})
