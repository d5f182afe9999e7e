import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog, silentLog } from '../../../handler/log.ts'
import { sidecarOf } from '../../../handler/storage/storage.ts'
import { keepRetention, removeOldResults } from '../../../runtime/worker/output-retention.ts'

const NOW = 1_000 * 3_600_000
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'musetalk-output-'))
  await store('old.mp4', 30)
  await store('a/middle.mp4', 20)
  await store('new.mp4', 10)
  await writeFile(join(dir, 'not-ours.mp4'), Buffer.alloc(1_000_000))
  await utimes(join(dir, 'not-ours.mp4'), 1, 1)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** A result of 1 MB that was stored so many hours ago. */
async function store(key: string, hours: number): Promise<void> {
  const file = join(dir, key)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, Buffer.alloc(1_000_000))
  await writeFile(sidecarOf(file), '{}')
  const seconds = (NOW - hours * 3_600_000) / 1000
  await utimes(file, seconds, seconds)
}
const left = async () =>
  (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.mp4')).toSorted()

test('what is too old goes, with its description; what the worker did not store stays', async () => {
  expect(await removeOldResults({ dir, hours: 15 }, NOW)).toBe(2)
  expect(await left()).toEqual(['new.mp4', 'not-ours.mp4'])
  expect((await readdir(dir)).filter((name) => name.includes('old'))).toEqual([])
})

test('the oldest go until the rest takes no more than it may', async () => {
  expect(await removeOldResults({ dir, megabytes: 2 }, NOW)).toBe(1)
  expect(await left()).toEqual(['a/middle.mp4', 'new.mp4', 'not-ours.mp4'])
  expect(await removeOldResults({ dir, megabytes: 0 }, NOW)).toBe(2)
  expect(await left()).toEqual(['not-ours.mp4'])
})

test('nothing goes without a limit, and a folder that is not there holds nothing', async () => {
  expect(await removeOldResults({ dir }, NOW)).toBe(0)
  expect(await removeOldResults({ dir: join(dir, 'none'), hours: 1 }, NOW)).toBe(0)
})

test('results are looked at when the worker starts, and the log says how many went', async () => {
  const stop = new AbortController()
  const logged: unknown[] = []
  const log = createLog((_level, event, fields) => {
    logged.push([event, fields])
    stop.abort()
  })
  await keepRetention({ dir, megabytes: 1 }, stop.signal, log)
  expect(logged).toEqual([['output.removed', { results: 2 }]])
  expect(await left()).toEqual(['new.mp4', 'not-ours.mp4'])
})

test('nothing is looked at without a limit', async () => {
  await keepRetention({ dir: join(dir, 'none') }, new AbortController().signal, silentLog)
})
