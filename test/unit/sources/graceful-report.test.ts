import { expect, onTestFinished, test, vi } from 'vitest'
import { WorkerError } from '../../../handler/errors.ts'
import { silentLog } from '../../../handler/log.ts'
import type { OrchestratorClient } from '../../../runtime/sources/orchestrator/client.ts'
import { bufferSource } from '../../../runtime/sources/orchestrator/buffer-source.ts'
import { orchestrator } from '../../../runtime/sources/orchestrator/source.ts'
import type { CompletedLease } from '../../../runtime/sources/job-source.ts'

const error = new WorkerError('ENGINE_LOST', 'for the test').toJSON()
const FAILED: CompletedLease = {
  ...{ held: { id: 'a' }, at: '2026-01-01T00:00:00.000Z' },
  outcome: { status: 'failed', error, fault: 'worker', progress: 0 },
}
const about = () => ({ version: '1', revision: null, bundle: null })
const info = {
  ...{ workerId: 'w', gpuClass: 'x', configLabel: 'x', batchSize: null },
  ...{ about, system: () => ({}) as never },
}

// Cut short, it would be heard at any time, as the end of the attempt that is underway then.
test.each(['orchestrator', 'buffer'])('a failure on its way to an %s ends by itself', (name) => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const tries: AbortSignal[] = []
  const post: OrchestratorClient['post'] = (_path, _body, _limits, signal) => {
    tries.push(signal)
    return new Promise(() => {})
  }
  const api = { post } as OrchestratorClient
  const options = { api, info, log: silentLog, pollMs: 1 }
  const source =
    name === 'buffer'
      ? bufferSource({ ...options, progressApi: api, capacity: 1 })
      : orchestrator({ ...options, workerType: 'x', provider: 'x' })
  const overtaken = new AbortController()
  void source.deliver(FAILED, overtaken.signal)
  void source.deliver(FAILED, overtaken.signal)
  overtaken.abort()
  expect(tries.map(({ aborted }) => aborted)).toEqual([false, false])
  expect(tries[0]).toBe(tries[1]) // however often it is told, it leaves one listener behind
  vi.advanceTimersByTime(3_000)
  expect(tries[0]!.aborted).toBe(true)
})
