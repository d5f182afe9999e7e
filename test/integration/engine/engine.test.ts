import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CanceledError, InputError, WorkerError } from '../../../handler/errors.ts'
import type { RenderReport } from '../../../handler/render/render-task.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import { alive, membersOf, pretend, pretendEngines, reaper } from '../../helpers/fake-engines.ts'

const soon = () => AbortSignal.timeout(300_000)
const succeeds = async (engines: RenderPool) =>
  expect(await pretend(engines, 'succeed').ended).toMatchObject({ frames: 2 })

test('a render goes to the engine and its progress, log and report come back', async () => {
  await using engines = pretendEngines()
  await engines.ready(soon())
  const render = pretend(engines, 'succeed')
  expect(await render.ended).toMatchObject<Partial<RenderReport>>({ frames: 2, fps: 25 })
  expect(render.progress).toEqual([1, 2])
  expect(render.events).toEqual(['acting'])
  const [status] = engines.status()
  expect(status).toMatchObject({ index: 0, state: 'ready', device: 'cpu', jobs: 1, restarts: 0 })
  expect(status).toMatchObject({ pid: await render.pid, bundle: { name: 'pretended' } })
})

test('jobs wait in order for the engine, and one that is aborted leaves the line', async () => {
  await using engines = pretendEngines()
  const [running, leaving] = [new AbortController(), new AbortController()]
  const order: string[] = []
  const first = pretend(engines, 'wait', running.signal)
  const left = pretend(engines, 'succeed', leaving.signal)
  const third = pretend(engines, 'succeed')
  const fourth = pretend(engines, 'succeed')
  for (const [name, one] of Object.entries({ first, left, third, fourth })) {
    void one.ended.then(() => order.push(name))
  }
  await first.pid
  expect(engines.status()[0]!.state).toBe('busy')
  const reason = new CanceledError('CANCELED', 'not wanted any more')
  leaving.abort(reason)
  expect(await left.ended).toBe(reason)
  expect(left.events).toEqual([])
  running.abort(new CanceledError('CANCELED', 'enough'))
  await fourth.ended
  expect(order).toEqual(['left', 'first', 'third', 'fourth'])
})

test('two engines render at the same time, each with its own device', async () => {
  await using engines = pretendEngines({ devices: ['0', '3'] })
  const stop = new AbortController()
  const renders = [pretend(engines, 'wait', stop.signal), pretend(engines, 'wait', stop.signal)]
  const seen = await Promise.all(
    renders.map(async (one) => (await one.logged('acting'))['visible']),
  )
  expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', '3'])
  expect(engines.status().map(({ state }) => state)).toEqual(['busy', 'busy'])
  stop.abort()
  await Promise.all(renders.map(({ ended }) => ended))
})

test('an abort stops the render and keeps the engine; the reason comes back', async () => {
  await using engines = pretendEngines()
  const caller = new AbortController()
  const render = pretend(engines, 'wait', caller.signal)
  const pid = await render.pid
  const reason = new CanceledError('SHUTDOWN', 'draining took too long')
  caller.abort(reason)
  expect(await render.ended).toBe(reason)
  const next = pretend(engines, 'succeed')
  await next.ended
  expect(await next.pid).toBe(pid)
})

test('a render that does not stop at its deadline is killed; the next job succeeds', async () => {
  await using engines = pretendEngines({ graceMs: 200 })
  await engines.ready(soon())
  for (const act of ['ignore', 'block'] as const) {
    const render = pretend(engines, act, AbortSignal.timeout(1500))
    const pid = await render.pid
    const error = await render.ended
    expect(error).toBeInstanceOf(CanceledError)
    expect(error).toMatchObject({ code: 'DEADLINE', retryable: true })
    expect(alive(pid)).toBe(false)
    await succeeds(engines)
  }
})

test('an engine that dies in a render fails that job as retryable, and a new one takes the next', async () => {
  await using engines = pretendEngines()
  const render = pretend(engines, 'die')
  const error = await render.ended
  expect(error).toBeInstanceOf(WorkerError)
  expect(error).toMatchObject({ code: 'ENGINE_LOST', retryable: true })
  expect((error as Error).message).toContain('SIGABRT')
  await succeeds(engines)
  expect(engines.status()[0]).toMatchObject({ restarts: 1, jobs: 2 })
  expect(engines.status()[0]!.pid).not.toBe(await render.pid)
})

test('SIGKILL of the engine in a render takes its ffmpeg along; the next job succeeds', async () => {
  await using engines = pretendEngines()
  const render = pretend(engines, 'ffmpeg')
  const [pid] = await Promise.all([render.pid, render.logged('rendering')])
  using _ = reaper(pid)
  expect(membersOf(pid).length).toBeGreaterThan(1)
  process.kill(pid, 'SIGKILL')
  expect(await render.ended).toMatchObject({ code: 'ENGINE_LOST', retryable: true })
  await succeeds(engines)
  await expect.poll(() => membersOf(pid)).toEqual([])
})

test('a stopped engine is found by its silence, busy and idle, and replaced', async () => {
  await using engines = pretendEngines({ heartbeatMs: 2000 })
  const render = pretend(engines, 'ffmpeg')
  const [pid] = await Promise.all([render.pid, render.logged('rendering')])
  using _ = reaper(pid)
  process.kill(pid, 'SIGSTOP')
  const error = await render.ended
  expect(error).toMatchObject({ code: 'ENGINE_LOST', retryable: true })
  expect((error as Error).message).toContain('no sign of life')
  await expect.poll(() => membersOf(pid)).toEqual([])
  await succeeds(engines)
  const idle = engines.status()[0]!.pid!
  process.kill(idle, 'SIGSTOP')
  await expect.poll(() => alive(idle)).toBe(false)
  await succeeds(engines)
})

test('a main thread that never comes back is found by its silence', async () => {
  await using engines = pretendEngines({ heartbeatMs: 2000 })
  expect(await pretend(engines, 'block').ended).toMatchObject({ code: 'ENGINE_LOST' })
  await succeeds(engines)
})

describe('an engine that renders two jobs at once', () => {
  const enough = () => new CanceledError('CANCELED', 'enough')

  test('gives the third to nobody before one of them has ended', async () => {
    await using engines = pretendEngines({ renders: 2 })
    const stops = [new AbortController(), new AbortController()]
    const renders = stops.map(({ signal }) => pretend(engines, 'wait', signal))
    const [first, second] = await Promise.all(renders.map(({ pid }) => pid))
    expect(second).toBe(first)
    const third = pretend(engines, 'succeed')
    expect(engines.status()[0]).toMatchObject({ state: 'busy', jobs: 0 })
    expect(third.events).toEqual([])
    stops[1]!.abort(enough())
    expect(await third.ended).toMatchObject({ frames: 2 })
    expect(engines.status()[0]!.state).toBe('busy')
    stops[0]!.abort(enough())
    await renders[0]!.ended
    expect(engines.status()[0]).toMatchObject({ state: 'ready', jobs: 3, restarts: 0 })
  })

  test('does the one again that was lost because the other had to be killed', async () => {
    await using engines = pretendEngines({ renders: 2, graceMs: 200 })
    const [stubborn, patient] = [new AbortController(), new AbortController()]
    const innocent = pretend(engines, 'wait', patient.signal)
    const killed = pretend(engines, 'ignore', stubborn.signal)
    const pid = await killed.pid
    await innocent.pid
    const again = innocent.logged('acting')
    stubborn.abort(enough())
    expect(await killed.ended).toMatchObject({ code: 'CANCELED' })
    expect((await again)['pid']).not.toBe(pid)
    expect(innocent.events).toEqual(['acting', 'acting'])
    patient.abort(enough())
    expect(await innocent.ended).toMatchObject({ code: 'CANCELED' })
    expect(engines.status()[0]).toMatchObject({ restarts: 1, jobs: 2 })
  })

  test('loses at most one job for each death, and tries none for ever', async () => {
    await using engines = pretendEngines({ renders: 2 })
    await engines.ready(soon())
    const first = pretend(engines, 'wait')
    await first.pid
    const deadly = pretend(engines, 'die')
    const lost = { code: 'ENGINE_LOST', retryable: true }
    expect(await first.ended).toMatchObject(lost)
    expect(await deadly.ended).toMatchObject(lost)
    expect(deadly.events).toEqual(['acting', 'acting'])
    await succeeds(engines)
    expect(engines.status()[0]).toMatchObject({ restarts: 2, jobs: 3 })
  })

  test('takes no more when it is to be replaced, and ends what it has', async () => {
    await using engines = pretendEngines({ renders: 2 })
    const stop = new AbortController()
    const running = pretend(engines, 'wait', stop.signal)
    const pid = await running.pid
    expect(await pretend(engines, 'no-memory').ended).toMatchObject({ code: 'OUT_OF_MEMORY' })
    const next = pretend(engines, 'succeed')
    expect(engines.status()[0]).toMatchObject({ state: 'busy', pid })
    stop.abort(enough())
    expect(await running.ended).toMatchObject({ code: 'CANCELED' })
    await next.ended
    expect(await next.pid).not.toBe(pid)
  })
})

test('an error crosses with class, code, stage and retryable, and the engine stays', async () => {
  await using engines = pretendEngines()
  const render = pretend(engines, 'no-face')
  const error = await render.ended
  expect(error).toBeInstanceOf(InputError)
  expect((error as InputError).toJSON()).toEqual({
    ...{ code: 'NO_FACE', message: 'no face in the video' },
    ...{ stage: 'avatar', retryable: false },
  })
  expect(render.stages).toEqual([['avatar', 1.5]])
  await succeeds(engines)
  expect(engines.status()[0]).toMatchObject({ pid: await render.pid, restarts: 0 })
})

test('what a graph or a bug throws crosses with the stage it escaped from', async () => {
  await using engines = pretendEngines()
  const graph = await pretend(engines, 'broken-graph').ended
  expect(graph).toBeInstanceOf(WorkerError)
  expect(graph).toMatchObject({ code: 'MODEL_BROKEN', stage: 'generate' })
  const bug = await pretend(engines, 'bug').ended
  expect(bug).toMatchObject({ code: 'BUG', stage: 'composite', retryable: false })
})

test('an engine is replaced after a failure that makes its memory doubtful', async () => {
  await using engines = pretendEngines()
  const render = pretend(engines, 'no-memory')
  expect(await render.ended).toMatchObject({ code: 'OUT_OF_MEMORY', retryable: true })
  await succeeds(engines)
  expect(engines.status()[0]!.pid).not.toBe(await render.pid)
})

test('an engine is replaced between jobs after its number of them, or when it has grown', async () => {
  for (const changes of [{ maxJobs: 2 }, { maxMb: 1, heartbeatMs: 5000 }]) {
    await using engines = pretendEngines(changes)
    await engines.ready(soon())
    const first = engines.status()[0]!.pid!
    await succeeds(engines)
    await succeeds(engines)
    await expect.poll(() => alive(first)).toBe(false)
    await succeeds(engines)
    expect(engines.status()[0]!.jobs).toBe(3)
  }
})

test('a damaged bundle is told with what to do, refuses jobs without paths, and starts no hot loop', async () => {
  await using engines = pretendEngines({ bundle: 'damaged' })
  const waiting = pretend(engines, 'succeed')
  const error = await engines.ready(soon()).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(WorkerError)
  expect(error).toMatchObject({ code: 'MODEL_BROKEN' })
  for (const one of [waiting, pretend(engines, 'succeed')]) {
    const refusal = await one.ended
    expect(refusal).toMatchObject({ code: 'MODEL_BROKEN', retryable: true })
    expect((refusal as Error).message).not.toContain('/secret')
  }
  await expect.poll(() => engines.status()[0]!.pid).toBe(undefined)
  const [status] = engines.status()
  expect(status).toMatchObject({ state: 'broken', restarts: 1 })
  expect(status!.reason).toContain('face.onnx is damaged')
})

test('an engine that dies at every start is broken after three', async () => {
  await using engines = pretendEngines({ bundle: 'dying' })
  await expect(engines.ready(soon())).rejects.toThrow(/SIGABRT while starting, 3 times/)
  expect(engines.status()[0]!.state).toBe('broken')
})

test('a start that does not end is killed at its limit', async () => {
  await using engines = pretendEngines({ bundle: 'never', startMs: 300 })
  await expect(engines.ready(soon())).rejects.toThrow(/not ready after 0.3 s/)
})

test('the real engine says which file of a missing bundle it wants', async () => {
  const entry = new URL('../../../runtime/engine/render.process.ts', import.meta.url)
  await using engines = pretendEngines({ entry, bundle: '/no/such/bundle' as never })
  const told = engines.ready(soon())
  await expect(told).rejects.toThrow(/bundle\/manifest.json is missing.*MODEL_BUNDLE/)
})

test('the real engine says that ffmpeg is missing and what to install', async () => {
  const entry = new URL('../../../runtime/engine/render.process.ts', import.meta.url)
  const { LITE } = await import('../../../runtime/config/bundle-directory.ts')
  const nowhere = { entry, bundle: LITE as never, ffmpegPath: '/no/such/ffmpeg' }
  await using engines = pretendEngines(nowhere)
  const error = await engines.ready(soon()).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'FFMPEG_MISSING' })
  expect((error as Error).message).toContain('apt-get install ffmpeg')
})

test('a render whose ffmpeg a signal has ended is done again once, in the same engine', async () => {
  await using engines = pretendEngines()
  const once = pretend(engines, 'stopped-once')
  expect(await once.ended).toMatchObject({ frames: 2 })
  expect(once.events).toEqual(['acting', 'acting'])
  const again = pretend(engines, 'stopped')
  expect(await again.ended).toMatchObject({
    ...{ code: 'ENGINE_LOST', retryable: true, stage: 'encode' },
    message: 'ffmpeg was ended by a signal while encoding',
  })
  expect(again.events).toEqual(['acting', 'acting'])
  expect(engines.status()[0]).toMatchObject({ state: 'ready', restarts: 0 })
})

test('ready() ends with the signal, and closing ends running and waiting jobs as retryable', async () => {
  const engines = pretendEngines()
  const reason = new Error('no patience')
  await expect(engines.ready(AbortSignal.abort(reason))).rejects.toBe(reason)
  const [running, waiting] = [pretend(engines, 'ignore'), pretend(engines, 'succeed')]
  const pid = await running.pid
  await engines[Symbol.asyncDispose]()
  for (const { ended } of [running, waiting]) {
    expect(await ended).toMatchObject({ code: 'SHUTDOWN', retryable: true })
  }
  expect(alive(pid)).toBe(false)
  expect(await pretend(engines, 'succeed').ended).toMatchObject({ code: 'SHUTDOWN' })
})

test.each(['SIGKILL', 'SIGTERM', 'SIGABRT'] as const)(
  'no engine and no ffmpeg outlives a worker that ends by %s in a render',
  async (name) => {
    const parent = fileURLToPath(
      new URL('../../helpers/children/engine-parent.child.ts', import.meta.url),
    )
    const worker = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(worker.stdout.setEncoding('utf8'), 'data')) as [string]
    const pid = Number(line)
    using _ = reaper(pid)
    expect(membersOf(pid).length).toBeGreaterThan(1)
    worker.kill(name)
    await once(worker, 'exit')
    await expect.poll(() => membersOf(pid)).toEqual([])
  },
)

test('memory that outlived the small collections is given back soon, though the heap has room', async () => {
  const child = fileURLToPath(
    new URL('../../helpers/children/patient-gc.child.ts', import.meta.url),
  )
  const execArgv = ['--initial-old-space-size=2000']
  const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, child], {
    timeout: 60_000,
  })
  expect(stdout).toBe('given back\n')
})
