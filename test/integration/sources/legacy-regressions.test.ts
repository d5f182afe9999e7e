import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { WorkerError } from '../../../handler/errors.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import { ALWAYS, silences } from '../../helpers/orchestrator/invariants.ts'
import { startOrchestrator, type Orchestrator } from '../../helpers/orchestrator/server.ts'
import { folder } from '../../helpers/media/media.ts'
import { ended, pullWorker, reportsOf } from '../../helpers/orchestrator/pull-worker.ts'
import { pretendedEngine } from '../../helpers/servers/worker-server.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'

// What happened to the legacy worker, one test for each; numbers and sentences are those of its list.
// Those that are about media are in job/legacy-regressions.test.ts.

const violations = (giver: Orchestrator) =>
  Object.values(ALWAYS).flatMap((check) => check(giver.record()))
const soon = () => AbortSignal.timeout(300_000)
const asked = (giver: Orchestrator, route: string) =>
  giver
    .record()
    .filter((entry) => entry.kind === 'request')
    .filter((entry) => entry.route === route)

test('1. the worker went offline during inference: heartbeats go on while the process is busy', async () => {
  await using place = await folder()
  let beats = 0
  await using server = await webServer((_, response) => {
    beats++
    response.end()
  })
  const program = fileURLToPath(
    new URL('../../helpers/children/heartbeat-blocked-main-thread.child.ts', import.meta.url),
  )
  const args = [program, `${server.origin}/beat`, place.file('release')]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  const before = beats
  await expect.poll(() => beats).toBeGreaterThan(before + 8)
  expect(child.exitCode).toBeNull()
  await writeFile(place.file('release'), '')
  expect(await exit).toEqual([0, null])
})

test('2. a refused heartbeat was taken for success: 404 registers again, 401 is said', async () => {
  await using giver = await startOrchestrator({ knock: true })
  giver.fail('main.heartbeat', { kind: 'status', status: 401 })
  await using worker = await pullWorker(giver, { BUFFER_WORKER_ID: 'b1' })
  await giver.until(() => asked(giver, 'buffer.heartbeat').length >= 2, soon())
  const [first, second] = asked(giver, 'buffer.heartbeat')
  expect([first!.status, second!.status]).toEqual([404, 200])
  await expect.poll(() => worker.logged.map(({ event }) => event)).toContain('heartbeat.unknown')
  await expect.poll(() => worker.logged.map(({ event }) => event)).toContain('heartbeat.accepted')

  await using refusing = await startOrchestrator()
  await using stranger = await pullWorker(refusing, { INTERNAL_API_KEY: 'wrong' })
  const said = () => stranger.logged.map(({ event }) => event)
  await expect.poll(said).toContain('heartbeat.forbidden')
  expect(said()).not.toContain('heartbeat.accepted')
})

test('3. the HTTP client stayed broken after one error: it works again after every kind', async () => {
  await using giver = await startOrchestrator()
  giver.fail('main.claim', { kind: 'reset' }, { kind: 'truncated' })
  giver.fail('main.progress', { kind: 'reset' }, { kind: 'garbage' }, { kind: 'truncated' })
  await using worker = await pullWorker(giver)
  await giver.until(() => asked(giver, 'main.claim').length === 2, soon())
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  expect(giver.jobs.get('a')!.state).toBe('succeeded')
})

test('4. “success” against “succeeded”: each contract gets its own', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver)
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  expect(reportsOf(giver, 'a').at(-1)!['status']).toBe('succeeded')
  const post = async (headers: Record<string, string>) => {
    const body = JSON.stringify(worker.job)
    const answer = await fetch(`${worker.url}/generate`, {
      ...{ method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } },
    })
    return ((await answer.json()) as JobResult).status
  }
  expect(await post({})).toBe('success')
  expect(await post({ 'salad-job-id': 's' })).toBe('succeeded')
})

test('5. the job finished and nobody was told: told after a restart of both', async () => {
  await using giver = await startOrchestrator()
  await using own = await folder()
  const state = { STATE_DIR: own.file('state') }
  giver.fail('main.progress', ...Array(6).fill({ kind: 'status', status: 502 }))
  {
    await using worker = await pullWorker(giver, state)
    giver.submit(worker.job, 'a')
    await expect
      .poll(() => worker.logged.map(({ event }) => event))
      .toContain('outcome.undelivered')
    await giver.restart({ downMs: 100 })
  }
  expect(giver.jobs.get('a')!.state).not.toBe('succeeded')
  await using worker = await pullWorker(giver, state)
  await ended(giver, 'a')
  expect(giver.jobs.get('a')!.state).toBe('succeeded')
  expect(worker.renders).toEqual([])
  expect(violations(giver)).toEqual([])
})

test('5. a proxy’s page, with status 200, is nobody who has heard the outcome', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver)
  const isEnd = () => reportsOf(giver, 'a').some(({ status }) => status !== 'running')
  giver.fail('main.progress', ...Array(40).fill({ kind: 'html' }))
  giver.submit(worker.job, 'a')
  await giver.until(isEnd, soon())
  await expect.poll(() => worker.logged.map(({ event }) => event)).toContain('outcome.undelivered')
  expect(giver.jobs.get('a')!.state).toBe('running')
})

test('6. phantom success: a success names its object and its measurements', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver, { WORKER_MODE: 'buffer' })
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  const told = reportsOf(giver, 'a').at(-1)!
  const { output_url: url, metrics } = told as { output_url: string; metrics: object }
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  expect(metrics).toMatchObject({ GENERATION_TIME_SEC: 0, total_time: expect.any(Number) })
})

test('9. bad media went round all workers: it is told as final', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver)
  giver.submit({ ...worker.job, video_url: 'ftp://nowhere/video' }, 'a')
  await ended(giver, 'a')
  const { state, attempts, report } = giver.jobs.get('a')!
  expect([state, attempts.length]).toEqual(['failed', 1])
  expect(report).toMatchObject({ error_code: 'INVALID_JOB', retryable: false })
})

test('10. GPU out of memory was final or unnoticed: the job is tried again', async () => {
  const engines = pretendedEngine()
  const { render } = engines
  let first = true
  engines.render = (task, call) => {
    if (!first) return render(task, call)
    first = false
    return Promise.reject(new WorkerError('OUT_OF_MEMORY', 'out of memory'))
  }
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver, {}, { engines })
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  const failed = reportsOf(giver, 'a').find(({ status }) => status === 'failed')
  expect(failed).toMatchObject({ error_code: 'OUT_OF_MEMORY', retryable: true, stage: 'inference' })
  expect(giver.jobs.get('a')!.state).toBe('succeeded')
})

test('11. two limits that differ: a job past the limit has ended before the next one starts', async () => {
  await using giver = await startOrchestrator({ maxAttempts: 1 })
  await using worker = await pullWorker(giver, { JOB_TIMEOUT_SEC: '1', CONCURRENCY: '1' })
  giver.submit(worker.endless, 'a')
  giver.submit(worker.job, 'b')
  await ended(giver, 'a', 'b')
  expect(giver.jobs.get('a')!.report).toMatchObject({ error_code: 'DEADLINE', retryable: true })
  const order = giver.record().flatMap((entry) => (entry.kind === 'change' ? [entry] : []))
  const at = (job: string, change: string) =>
    order.findIndex((entry) => entry.job === job && entry.change === change)
  expect(at('b', 'handed')).toBeGreaterThan(at('a', 'failed'))
})

test('12. files were never deleted: nothing is left of jobs, done or failed', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver)
  giver.submit(worker.job, 'a')
  giver.submit({ ...worker.job, audio_url: 'http://127.0.0.1:1/none' }, 'b')
  await ended(giver, 'a')
  giver.cancel('b')
  await expect.poll(() => readdir(worker.scratch)).toEqual([])
})

test('13. stack traces and paths were returned: a report has neither', async () => {
  const engines = pretendedEngine()
  engines.render = () => Promise.reject(new Error(`cannot open ${process.cwd()}/secret`))
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver, {}, { engines })
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  const told = JSON.stringify(reportsOf(giver, 'a'))
  expect(told).toContain('BUG')
  expect(told).not.toMatch(/secret|\.ts:|node_modules|\/tmp\//)
})

test('14. two claim loops in one container: the second one refuses to start', async () => {
  await using giver = await startOrchestrator()
  await using own = await folder()
  const state = { STATE_DIR: own.file('state') }
  await using worker = await pullWorker(giver, state)
  const again = pullWorker(giver, state)
  await expect(again).rejects.toThrow(/already claims jobs as "w1"/)
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  const twice = pullWorker(giver, { RUNPOD_WEBHOOK_GET_JOB: 'http://127.0.0.1:1/job-take/$ID' })
  await expect(twice).rejects.toThrow(/one source of jobs/)
})

test('19. 404 and 502 of an orchestrator’s deployment stalled the worker: it waits and goes on', async () => {
  await using giver = await startOrchestrator()
  const [missing, broken] = [404, 502].map((status) => ({ kind: 'status' as const, status }))
  giver.fail('main.claim', missing!, broken!)
  giver.fail('main.heartbeat', missing!, broken!)
  await using worker = await pullWorker(giver)
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  expect(giver.jobs.get('a')!.state).toBe('succeeded')
  const lives = [{ worker: 'w1', from: 0, to: 0 }]
  expect(silences(lives)(giver.record())).toEqual([])
})

test('20. progress came in a burst, fell, or came after the end: none of them', async () => {
  await using giver = await startOrchestrator()
  giver.fail('main.progress', { kind: 'delay', ms: 500 }, { kind: 'lost' })
  await using worker = await pullWorker(giver)
  for (const id of ['a', 'b', 'c']) giver.submit(worker.job, id)
  await ended(giver, 'a', 'b', 'c')
  expect(violations(giver)).toEqual([])
  const first = reportsOf(giver, 'a')[0]
  expect(first).toMatchObject({ status: 'running', phase: 'downloading' })
})
