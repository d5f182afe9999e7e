import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NetworkError } from '../../../handler/net/network-error.ts'
import { openOutbox, type OutboxOptions } from '../../../runtime/sources/outbox.ts'
import type { CompletedLease } from '../../../runtime/sources/job-source.ts'
import { resultFor } from '../../helpers/jobs/controlled-jobs.ts'
import { silentLog } from '../../../handler/log.ts'
import { collectLog } from '../../helpers/collected-log.ts'

let root: string
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'outbox-'))))
afterEach(() => rm(root, { recursive: true }))

const success = (id: string): CompletedLease => ({
  ...{ held: { id }, at: '2026-01-01T00:00:00.000Z' },
  outcome: { status: 'succeeded', result: resultFor(id) },
})
const dir = () => join(root, 'outbox')
const files = () => readdir(dir())
const open = (deliver: OutboxOptions['deliver'], log = silentLog) =>
  openOutbox({ dir: dir(), deliver, log, policy: { tries: Infinity, firstMs: 1, maxMs: 5 } })
const soon = () => AbortSignal.timeout(300_000)

test('an outcome is on disk before it is told, and gone when it was heard', async () => {
  const seen: string[][] = []
  await using outbox = await open(async () => {
    seen.push(await files())
    return 'delivered'
  })
  await outbox.put(success('a'))
  await outbox.drained(soon())
  expect(seen).toEqual([[expect.stringMatching(/^[0-9a-f]{32}\.json$/)]])
  expect([await files(), outbox.list()]).toEqual([[], []])
})

test('it is told until it is heard', async () => {
  let tries = 0
  await using outbox = await open(async () => {
    if (++tries < 5) throw new NetworkError('answered with status 502')
    return 'delivered'
  })
  await outbox.put(success('a'))
  await outbox.drained(soon())
  expect(tries).toBe(5)
})

test('a server that is away for ten minutes hears it when it is back, asked once a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const backAt = performance.now() + 600_000
    const tries: number[] = []
    await using outbox = await openOutbox({
      ...{ dir: dir(), log: silentLog },
      async deliver() {
        tries.push(performance.now())
        if (performance.now() < backAt) throw new NetworkError('refused the connection')
        return 'delivered'
      },
    })
    await outbox.put(success('a'))
    while (outbox.list().length > 0) {
      if (performance.now() < backAt) expect(await files()).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(tries.at(-1)! - backAt).toBeLessThanOrEqual(61_000)
    expect(tries.length).toBeLessThan(40)
  } finally {
    vi.useRealTimers()
  }
})

test('a definite refusal ends it, and is logged', async () => {
  const { log, logged } = collectLog()
  await using outbox = await open(async () => 'refused', log)
  await outbox.put(success('a'))
  await outbox.drained(soon())
  expect(logged).toMatchObject([{ level: 'warn', event: 'outcome.refused', fields: { job: 'a' } }])
  expect(await files()).toEqual([])
})

test('what a former life could not tell is told by the next, in order', async () => {
  {
    await using outbox = await open((_, signal) => new Promise((_, no) => (signal.onabort = no)))
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1) // all in one millisecond
    for (const id of ['a', 'b', 'c']) await outbox.put(success(id))
    clock.mockRestore()
  }
  await writeFile(join(dir(), 'damaged.json'), '{"at": 1, "rec')
  await writeFile(join(dir(), 'half.draft'), '{')
  await writeFile(join(dir(), 'other.json'), '{"at": 1, "record": {"a": 1}}')
  const told: CompletedLease[] = []
  await using outbox = await open(async (completion) => {
    told.push(completion)
    return 'delivered'
  })
  await outbox.drained(soon())
  expect(told).toEqual([success('a'), success('b'), success('c')])
  expect(await files()).toEqual([])
})

test('one that was overtaken is dropped, and its telling ends', async () => {
  let ended = false
  await using outbox = await open(async (_, signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    ended = true
    throw signal.reason
  })
  await outbox.put(success('a'))
  await outbox.discard({ id: 'a' })
  await outbox.discard({ id: 'never there' })
  expect([ended, outbox.list(), await files()]).toEqual([true, [], []])
})

test('a folder that cannot be written costs the safety, not the outcome', async () => {
  const { log, events } = collectLog()
  await using outbox = await open(async () => 'delivered', log)
  await rm(dir(), { recursive: true })
  await writeFile(dir(), 'no folder')
  await outbox.put(success('a'))
  await outbox.drained(soon())
  expect(events()).toEqual(['outbox.unsafe', 'outcome.delivered', 'outbox.stuck'])
})
