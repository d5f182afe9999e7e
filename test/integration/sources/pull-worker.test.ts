import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { WorkerError } from '../../../handler/errors.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { ALWAYS } from '../../helpers/orchestrator/invariants.ts'
import { startOrchestrator, type Orchestrator } from '../../helpers/orchestrator/server.ts'
import { ended, pullWorker, reportsOf } from '../../helpers/orchestrator/pull-worker.ts'
import { pretendedEngine, VIDEO } from '../../helpers/servers/worker-server.ts'

const violations = (giver: Orchestrator) =>
  Object.values(ALWAYS).flatMap((check) => check(giver.record()))
const bodies = (giver: Orchestrator, route: string) =>
  giver
    .record()
    .filter((entry) => entry.kind === 'request')
    .filter((entry) => entry.route === route)
    .map(({ body }) => body)
const soon = () => AbortSignal.timeout(300_000)

describe('an orchestrator', () => {
  test('gets its jobs done, told of as the legacy worker told', async () => {
    await using giver = await startOrchestrator()
    await using worker = await pullWorker(giver, { CONFIG_LABEL: 'blue', BATCH_SIZE: '4' })
    const asked = { id: 7, aspect_ratio: '1:1', resolution: '512x512', priority: 3, params: null }
    giver.submit({ ...worker.job, ...asked }, 'a')
    await ended(giver, 'a')
    const { report, state } = giver.jobs.get('a')!
    expect(state).toBe('succeeded')
    expect(report).toMatchObject({
      ...{ status: 'succeeded', phase: 'completed', progress: 1, error: null },
      ...{ worker_id: 'w1', config_label: 'blue', batch_size: 4 },
      metrics: { gpu_class: 'unknown', total_time: expect.any(Number) },
    })
    const video = await fetch(String(report['output_url']))
    expect(Buffer.from(await video.arrayBuffer()).equals(VIDEO)).toBe(true)
    expect(reportsOf(giver, 'a')[0]).toMatchObject({ status: 'running', phase: 'downloading' })
    const health = (await (await fetch(`${worker.url}/health`)).json()) as object
    expect(health).toMatchObject({ source: { name: 'orchestrator', reachable: true } })
    expect(violations(giver)).toEqual([])
  })

  test('hears who the worker is and what the machine has, before it is asked for a job', async () => {
    await using giver = await startOrchestrator()
    await using _worker = await pullWorker(giver, { PROVIDER: 'desk', GPU_CLASS_NAME: 'L4' })
    await giver.until(() => bodies(giver, 'main.claim').length > 0, soon())
    const [beat] = bodies(giver, 'main.heartbeat')
    expect(beat).toMatchObject({
      ...{ status: 'idle', current_job_id: null, provider: 'desk', gpu_class: 'L4' },
      ...{ worker_type: 'main', version: '1.2.3', bundle: '0', error: null },
    })
    expect(bodies(giver, 'main.claim')[0]).toMatchObject({ version: '1.2.3', bundle: '0' })
    const system = beat!['system_info'] as Record<string, unknown>
    expect(Object.keys(system)).toEqual([
      ...['cpu_cores_physical', 'cpu_cores_logical', 'cpu_model', 'ram_total_gb'],
      ...['ram_available_gb', 'disk_total_gb', 'disk_free_gb', 'download_speed_mbps'],
    ])
    expect(system['disk_free_gb']).toBeGreaterThan(0)
    expect(system['ram_available_gb']).toBeLessThanOrEqual(system['ram_total_gb'] as number)
    const first = giver.record().find((entry) => entry.kind === 'request')
    expect(first).toMatchObject({ route: 'main.heartbeat' })
  })

  test('hears how fast the downloads were', async () => {
    await using giver = await startOrchestrator()
    await using worker = await pullWorker(giver)
    const speeds = () =>
      bodies(giver, 'main.heartbeat').map(
        (body) => (body['system_info'] as Record<string, number>)['download_speed_mbps']!,
      )
    await giver.until(() => speeds().length > 0, soon())
    expect(speeds()[0]).toBe(0)
    giver.submit(worker.job, 'a')
    await giver.until(() => speeds().at(-1)! > 0, soon())
  })

  test('gives one job ahead while one renders, and none with CONCURRENCY=1', async () => {
    for (const [concurrency, most] of [
      ['2', 2],
      ['1', 1],
    ] as const) {
      await using giver = await startOrchestrator()
      await using worker = await pullWorker(giver, { CONCURRENCY: concurrency })
      for (const id of ['a', 'b', 'c']) giver.submit(worker.endless, id)
      const claims = () => bodies(giver, 'main.claim').length
      const running = () => [...giver.jobs.values()].filter((job) => job.state === 'running').length
      await giver.until(() => running() === most, soon())
      await giver.until(
        () => reportsOf(giver, 'a').some(({ phase }) => phase === 'inferring'),
        soon(),
      )
      const before = claims()
      giver.cancel('a') // the next report of it is answered 410
      expect(running()).toBeLessThanOrEqual(most)
      expect(before).toBe(most)
    }
  })

  test('that cancels a job gets the next one started, and hears no more of the first', async () => {
    await using giver = await startOrchestrator()
    await using worker = await pullWorker(giver, { CONCURRENCY: '1' })
    giver.submit(worker.endless, 'a')
    await giver.until(() => reportsOf(giver, 'a').length > 0, soon())
    giver.cancel('a')
    giver.submit(worker.job, 'b')
    await ended(giver, 'a', 'b')
    expect(giver.jobs.get('b')!.state).toBe('succeeded')
    expect(reportsOf(giver, 'a').every(({ status }) => status === 'running')).toBe(true)
    expect(violations(giver)).toEqual([])
  })

  test('that refuses an outcome is quoted in the log, and asked for the next job', async () => {
    await using giver = await startOrchestrator()
    await using worker = await pullWorker(giver, { CONCURRENCY: '1' })
    giver.fail('main.progress', ...Array(40).fill({ kind: 'status', status: 422 }))
    giver.submit(worker.job, 'a')
    const refusal = () => worker.logged.find(({ event }) => event === 'report.refused')?.fields
    const answer = '{"detail":"status 422 on purpose"}'
    await expect.poll(refusal).toEqual({ job: 'a', status: 422, answer })
    const claims = () => bodies(giver, 'main.claim').length
    const before = claims()
    await giver.until(() => claims() > before, soon())
  })

  test('gets a job back as retryable from a worker that has to stop', async () => {
    await using giver = await startOrchestrator({ maxAttempts: 1 })
    await using worker = await pullWorker(giver)
    giver.submit(worker.endless, 'a')
    await giver.until(() => reportsOf(giver, 'a').length > 0, soon())
    worker.stopping.soon()
    worker.stopping.now()
    await worker.stopped
    const told = reportsOf(giver, 'a').at(-1)
    expect(told).toMatchObject({ status: 'failed', error_code: 'SHUTDOWN', retryable: true })
    expect(bodies(giver, 'main.heartbeat').length).toBeGreaterThan(0)
  })

  test('that does not answer a claim holds a worker that stops for a moment only', async () => {
    await using giver = await startOrchestrator()
    giver.fail('main.claim', { kind: 'delay', ms: 120_000 }) // longer than a test may take
    await using worker = await pullWorker(giver)
    await giver.until(() => bodies(giver, 'main.claim').length > 0, soon())
    worker.stopping.soon()
    await worker.stopped
  })

  test('that hands the same job out twice gets one video and one outcome', async () => {
    let times = 0
    await using giver = await startOrchestrator({ double: () => times++ < 3 })
    await using worker = await pullWorker(giver)
    giver.submit(worker.job, 'a')
    giver.submit(worker.job, 'b')
    await ended(giver, 'a', 'b')
    expect(worker.renders).toHaveLength(2)
    expect(violations(giver)).toEqual([])
  })
})

describe('a buffer', () => {
  test('gets its jobs done under its own names', async () => {
    await using giver = await startOrchestrator()
    const { WORKER_ID: _, ...env } = { WORKER_ID: '', WORKER_MODE: 'buffer', GPU_CLASS: '4090' }
    await using worker = await pullWorker(giver, { ...env, BUFFER_CAPACITY: '1' })
    giver.submit(worker.job, 'a')
    await ended(giver, 'a')
    expect(giver.jobs.get('a')!.state).toBe('succeeded')
    const [status] = bodies(giver, 'buffer.status')
    expect(status).toMatchObject({
      status: 'succeeded',
      error: null,
      worker_id: `buffer-${hostname()}`,
    })
    expect(status!['output_url']).toMatch(/^http/)
    const [beat] = bodies(giver, 'buffer.heartbeat')
    expect(beat).toMatchObject({ status: 'idle', gpu_class: '4090', capacity: 1, error: null })
    expect(violations(giver)).toEqual([])
  })
})

describe('a buffer that hands one job out twice', () => {
  const env = { WORKER_MODE: 'buffer', CONCURRENCY: '4' }
  const refs = (giver: Orchestrator, status: string) =>
    new Set(
      giver
        .record()
        .filter((entry) => entry.kind === 'request' && entry.route === 'buffer.status')
        .filter((entry) => entry.kind === 'request' && entry.body['status'] === status)
        .map((entry) => entry.kind === 'request' && entry.attempt),
    )

  test('while it runs hears the outcome under both names', async () => {
    let times = 0
    await using giver = await startOrchestrator({ double: () => times++ < 2 })
    await using worker = await pullWorker(giver, env)
    giver.submit(worker.endless, 'a')
    const given = () =>
      giver.record().filter((entry) => entry.kind === 'change' && entry.change === 'handed').length
    await giver.until(() => given() === 2, soon())
    worker.stopping.soon()
    worker.stopping.now()
    await worker.stopped
    expect(refs(giver, 'failed').size).toBe(2)
  })

  test('while its outcome is not heard of hears it under both names', async () => {
    await using giver = await startOrchestrator({
      double: () => refs(giver, 'succeeded').size === 1,
    })
    const deaf = Array.from({ length: 3 }, () => ({ kind: 'status', status: 500 }) as const)
    giver.fail('buffer.status', ...deaf)
    await using worker = await pullWorker(giver, env)
    giver.submit(worker.job, 'a')
    await giver.until(() => refs(giver, 'succeeded').size === 2, soon())
    expect(worker.renders).toHaveLength(1)
  })
})

test('a buffer that did not answer a failure hears it again while the next attempt goes on', async () => {
  await using giver = await startOrchestrator()
  giver.fail('buffer.status', { kind: 'lost' })
  const failures = () => bodies(giver, 'buffer.status').filter(({ status }) => status === 'failed')
  const plain = pretendedEngine()
  let renders = 0
  const render: Render = async (task, call) => {
    if (renders++ === 0) throw new WorkerError('ENGINE_LOST', 'for the test')
    call.onProgress(1, 2)
    await giver.until(() => failures().length === 2, soon())
    const before = bodies(giver, 'main.progress').length
    call.onProgress(2, 2)
    await giver.until(() => bodies(giver, 'main.progress').length > before, soon())
    return plain.render(task, call)
  }
  const engines = { ...plain, render }
  const env = { WORKER_MODE: 'buffer', CONCURRENCY: '1' }
  await using worker = await pullWorker(giver, env, { engines })
  giver.submit(worker.job, 'a')
  await ended(giver, 'a')
  expect(violations(giver)).toEqual([])
  expect(giver.jobs.get('a')!.attempts).toHaveLength(2)
})

test('a claim with a large column of the orchestrator’s own is run', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver)
  giver.submit({ ...worker.job, thumbnail: 'x'.repeat(3_000_000) }, 'a')
  await ended(giver, 'a')
  expect(giver.jobs.get('a')!.state).toBe('succeeded')
})

test('an orchestrator whose jobs come through a side-car hears how far they are', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver, { WORKER_MODE: 'push' })
  giver.submit(worker.job, 'a')
  const body = JSON.stringify({ ...worker.job, musetalk_job_id: 'a' })
  const headers = { 'content-type': 'application/json', 'salad-job-id': 's' }
  const answer = await fetch(`${worker.url}/generate`, { method: 'POST', body, headers })
  expect(answer.status).toBe(200)
  await giver.until(() => reportsOf(giver, 'a').length > 0, soon())
  expect(reportsOf(giver, 'a')[0]).toMatchObject({ status: 'running', worker_id: 'w1' })
  expect(bodies(giver, 'main.claim')).toEqual([])
  expect(bodies(giver, 'main.heartbeat')).toEqual([])
})

test('a worker without an id keeps the one it made for itself', async () => {
  const state = await mkdtemp(join(tmpdir(), 'pull-'))
  const names = new Set<unknown>()
  for (let life = 0; life < 2; life++) {
    await using giver = await startOrchestrator()
    await using _worker = await pullWorker(giver, { WORKER_ID: '', STATE_DIR: state })
    await giver.until(() => bodies(giver, 'main.claim').length > 0, soon())
    names.add(bodies(giver, 'main.claim')[0]!['worker_id'])
  }
  expect([...names]).toEqual([expect.stringMatching(/^worker-[0-9a-f]{8}$/)])
  await rm(state, { recursive: true })
})
