import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { storageProbe, watchStorage } from '../../../runtime/worker/storage-watch.ts'
import { silentLog } from '../../../handler/log.ts'
import { collectLog } from '../../helpers/collected-log.ts'

let stop: AbortController
beforeEach(() => {
  vi.useFakeTimers()
  stop = new AbortController()
})
afterEach(() => {
  stop.abort()
  vi.useRealTimers()
})

test('a storage that is refused is looked at until it is good, and then no more unasked', async () => {
  const answers = ['denied', 'denied', undefined]
  const probe = vi.fn<() => Promise<void>>(async () => {
    const problem = answers.shift()
    if (problem) throw new Error(problem)
  })
  const watch = watchStorage(probe, { signal: stop.signal, log: silentLog })
  await vi.advanceTimersByTimeAsync(1)
  expect(watch.problem()).toBe('denied')
  await vi.advanceTimersByTimeAsync(60_000)
  expect([watch.problem(), probe.mock.calls.length]).toEqual([undefined, 3])
  await vi.advanceTimersByTimeAsync(600_000)
  expect(probe).toHaveBeenCalledTimes(3)
})

test('a folder is looked at now and then, also when it was good', async () => {
  const probe = vi.fn<() => Promise<void>>(async () => {})
  const watch = watchStorage(probe, { signal: stop.signal, log: silentLog, everyMs: 60_000 })
  await vi.advanceTimersByTimeAsync(1)
  probe.mockRejectedValue(new Error('read only'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(watch.problem()).toBe('read only')
})

test('a storage that was good is looked at again when an upload has failed', async () => {
  let answer: string | undefined
  const probe = vi.fn<() => Promise<void>>(async () => {
    if (answer) throw new Error(answer)
  })
  const watch = watchStorage(probe, { signal: stop.signal, log: silentLog })
  await vi.advanceTimersByTimeAsync(1)
  answer = 'the key was revoked'
  watch.lookAgain()
  await vi.advanceTimersByTimeAsync(1)
  expect(watch.problem()).toBe('the key was revoked')
  watch.lookAgain() // by a job that was refused for that; it is looked at twice a minute anyway
  await vi.advanceTimersByTimeAsync(1)
  expect(probe).toHaveBeenCalledTimes(2)
  answer = undefined
  await vi.advanceTimersByTimeAsync(30_000)
  expect([watch.problem(), probe.mock.calls.length]).toEqual([undefined, 3])
})

test('an output directory that cannot be is found', async () => {
  vi.useRealTimers()
  const dir = await mkdtemp(join(tmpdir(), 'musetalk-watch-'))
  await writeFile(join(dir, 'file'), '')
  const config = (OUTPUT_DIR: string) => readConfig({ STORAGE: 'directory', OUTPUT_DIR })
  const look = (path: string) => storageProbe(config(path), 'w').probe(stop.signal)
  await look(join(dir, 'new', 'folder'))
  const below = join(dir, 'file', 'below')
  await expect(look(below)).rejects.toThrow(/cannot be written \(ENOTDIR\)/)
  const { log, logged } = collectLog()
  const watch = watchStorage(() => look(below), { signal: stop.signal, log })
  await expect.poll(() => logged).toHaveLength(1)
  // Probes are for anybody, the log is not.
  expect(watch.problem()).not.toContain(dir)
  expect(logged).toMatchObject([
    { level: 'error', fields: { cause: expect.stringContaining(dir) } },
  ])
  await rm(dir, { recursive: true })
})
