import { expect, test } from 'vitest'
import { CanceledError, InputError, WorkerError } from '../../../handler/errors.ts'
import { silentLog } from '../../../handler/log.ts'
import type { RenderTask } from '../../../handler/render/render-task.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import type { Act } from '../../helpers/children/fake-engine.child.ts'
import { pretend, pretendEngines } from '../../helpers/fake-engines.ts'

const estimated = (engines: RenderPool, video: Act, signal = new AbortController().signal) =>
  engines
    .estimate({ video } as unknown as RenderTask, { signal, log: silentLog })
    .catch((error: Error) => error)

test('an estimate is made beside a render, and is no job of its engine', async () => {
  await using engines = pretendEngines()
  const stop = new AbortController()
  const render = pretend(engines, 'wait', stop.signal)
  await render.pid
  expect(await estimated(engines, 'succeed')).toMatchObject({ frames: 2, faces: [] })
  expect(engines.status()[0]).toMatchObject({ state: 'busy', jobs: 0, restarts: 0 })
  expect(await estimated(engines, 'no-face')).toBeInstanceOf(InputError)
  stop.abort()
  await render.ended
})

test('the death of an engine is blamed on the estimate; the render beside it is done again, once', async () => {
  await using engines = pretendEngines()
  const stop = new AbortController()
  const render = pretend(engines, 'wait', stop.signal)
  const pid = await render.pid
  const again = render.logged('acting')
  expect(await estimated(engines, 'die')).toMatchObject({ code: 'ENGINE_LOST', retryable: true })
  expect((await again)['pid']).not.toBe(pid)
  expect(await estimated(engines, 'die')).toBeInstanceOf(WorkerError)
  expect(await render.ended).toMatchObject({ code: 'ENGINE_LOST' })
  expect(await estimated(engines, 'succeed')).toMatchObject({ frames: 2 })
})

test('an estimate that nobody waits for is stopped', async () => {
  await using engines = pretendEngines()
  const caller = new AbortController()
  const asked = estimated(engines, 'wait', caller.signal)
  const reason = new CanceledError('CANCELED', 'the client went away')
  caller.abort(reason)
  expect(await asked).toBe(reason)
  expect(await estimated(engines, 'succeed')).toMatchObject({ frames: 2 })
})

test('closing ends the estimates too', async () => {
  const engines = pretendEngines()
  await engines.ready(AbortSignal.timeout(300_000))
  const asked = estimated(engines, 'wait')
  await engines[Symbol.asyncDispose]()
  expect(await asked).toMatchObject({ code: 'SHUTDOWN' })
})
