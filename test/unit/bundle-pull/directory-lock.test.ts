import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDirectory, type LockOptions } from '../../../runtime/bundle-pull/directory-lock.ts'
import { processIdentity } from '../../../models/system/process-alive.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

let place: Folder
let directory: string
beforeEach(async () => {
  place = await folder()
  directory = place.file('work')
})
afterEach(() => place[Symbol.asyncDispose]())

const lock = (changes: Partial<LockOptions> = {}, where = directory) =>
  lockDirectory(where, {
    ...{ signal: AbortSignal.timeout(300_000), onWait: () => {}, heartbeatMs: 10, staleMs: 5_000 },
    ...changes,
  })

/** A lock of somebody else, last heard of so many seconds ago. */
async function otherLock(changes: object, secondsAgo = 0, where = directory) {
  await mkdir(where)
  const began = await processIdentity(process.pid)
  const owner = { host: hostname(), pid: process.pid, began, id: 'other', ...changes }
  await writeFile(`${where}/lock`, JSON.stringify(owner))
  const then = new Date(Date.now() - secondsAgo * 1000)
  await utimes(`${where}/lock`, then, then)
}

/** Whether somebody who asks for the lock has to wait. */
async function waits(): Promise<boolean> {
  const waited = new AbortController()
  const onWait = () => waited.abort(new Error('waited'))
  try {
    const taken = await lock({ signal: waited.signal, onWait })
    await taken[Symbol.asyncDispose]()
    return false
  } catch (error) {
    if (waited.signal.aborted) return true
    throw error
  }
}

test('is had by one, then by the other, and leaves nothing', async () => {
  const first = await lock()
  expect(await waits()).toBe(true)
  await first[Symbol.asyncDispose]()
  expect(await waits()).toBe(false)
  expect(existsSync(directory)).toBe(false)
})

test('tells who is waited for, once', async () => {
  await otherLock({ host: 'elsewhere', pid: 7 })
  const owners: object[] = []
  const stop = new AbortController()
  const waiting = lock({ signal: stop.signal, onWait: (owner) => owners.push(owner) })
  await expect.poll(() => owners.length).toBe(1)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect(owners).toEqual([{ host: 'elsewhere', pid: 7 }])
  expect(await readdir(directory)).toEqual(['lock'])
})

test.each<[name: string, owner: object, secondsAgo: number, waits: boolean]>([
  ['of a living process', {}, 3600, true],
  ['of a process that is gone', { pid: 2 ** 22 + 1 }, 0, false],
  ['of an earlier process with the same id', { began: `${process.pid} 1` }, 0, false],
  ['of another machine that was heard of lately', { host: 'elsewhere' }, 1, true],
  ['of another machine that is silent', { host: 'elsewhere' }, 60, false],
])('%s', async (_, owner, secondsAgo, expected) => {
  await otherLock(owner, secondsAgo)
  expect(await waits()).toBe(expected)
})

test('that was cut off while it was written is nobody’s', async () => {
  await otherLock({}, 60)
  await writeFile(`${directory}/lock`, '{"host')
  const then = new Date(Date.now() - 60_000)
  await utimes(`${directory}/lock`, then, then)
  expect(await waits()).toBe(false)
})

test('of a dead owner is removed by one alone, who may have been killed in the middle', async () => {
  await otherLock({ pid: 2 ** 22 + 1 })
  await writeFile(`${directory}/lock-removal`, '')
  const stop = new AbortController()
  const waiting = lock({ signal: stop.signal })
  await expect.poll(() => readdir(directory)).toHaveLength(3) // with the draft of who waits
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect(await readFile(`${directory}/lock`, 'utf8')).toContain('other')
  const then = new Date(Date.now() - 60_000)
  await utimes(`${directory}/lock-removal`, then, then)
  await using _mine = await lock()
  expect(await readdir(directory)).not.toContain('lock-removal')
})

test('of another machine that sends heartbeats is not taken, however old it is', async () => {
  await otherLock({ host: 'elsewhere' }, 60)
  await writeFile(`${directory}/lock-heartbeat`, '.')
  expect(await waits()).toBe(true)
})

test('is kept by heartbeats, and told when somebody has taken it', async () => {
  await using mine = await lock()
  await expect.poll(() => existsSync(`${directory}/lock-heartbeat`)).toBe(true)
  expect(mine.lost.aborted).toBe(false)
  await writeFile(`${directory}/lock`, '{"host":"elsewhere"}')
  await expect.poll(() => mine.lost.aborted).toBe(true)
  await mine[Symbol.asyncDispose]()
  expect(await readFile(`${directory}/lock`, 'utf8')).toContain('elsewhere')
})

test('is had by one at a time, however many ask at once and find a dead owner', async () => {
  const rounds = Array.from({ length: 8 }, async (_round, round) => {
    const here = `${directory}-${round}`
    await otherLock({ pid: 2 ** 22 + 1 }, 0, here)
    let [inside, most] = [0, 0]
    const asking = Array.from({ length: 6 }, async (_, i) => {
      for (let turn = 0; turn < 3 * i; turn++) await new Promise((go) => setImmediate(go))
      await using _lock = await lock({}, here)
      most = Math.max(most, ++inside)
      for (let look = 0; look < 20; look++) await readdir(here) // others act on what they saw
      inside--
    })
    await Promise.all(asking)
    return most
  })
  expect(await Promise.all(rounds)).toEqual(rounds.map(() => 1))
})
