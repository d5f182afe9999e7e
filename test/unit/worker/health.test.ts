import { expect, test } from 'vitest'
import { createSourceContact, healthOf } from '../../../runtime/worker/health.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import type { Shutdown } from '../../../runtime/shutdown.ts'

const stop = { draining: new AbortController().signal } as Shutdown
const about = { version: '1', revision: null }
const broken = (reason: string) =>
  ({
    status: () => [{ index: 0, state: 'broken', jobs: 0, restarts: 3, reason }],
  }) as unknown as RenderPool

test.each([
  ['/data/bundles/x/generate.onnx is missing', 'generate.onnx is missing'],
  ['the bundle "/data/a b/x" is', 'the bundle "/data/a b/x" is'.replace('/data/', '')],
  ['read https://huggingface.co/a/b first', 'read https://huggingface.co/a/b first'],
  ['no driver (libcuda.so.1)', 'no driver (libcuda.so.1)'],
])('a broken engine says why, without the folders: %s', (reason, told) => {
  expect(healthOf(stop, broken(reason), about)()).toMatchObject({
    state: 'broken',
    engines: [{ reason: told }],
  })
})

test('what is wrong with the storage and the source is told', () => {
  const contact = createSourceContact('orchestrator')
  const health = healthOf(stop, broken(''), about, {
    storageProblem: () => 'denied',
    source: contact.status,
  })
  expect(health()).toMatchObject({
    storage_problem: 'denied',
    source: { name: 'orchestrator', reachable: null, at: null },
  })
  contact.note('answered 401')
  expect(health().source).toMatchObject({ reachable: false, reason: 'answered 401' })
  contact.note()
  expect(health().source).toMatchObject({ reachable: true, at: expect.any(String) })
  expect(health().source).not.toHaveProperty('reason')
})
