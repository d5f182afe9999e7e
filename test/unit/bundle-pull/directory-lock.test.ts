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

const lock = (changes: Partial<LockOptions> = {}) =>
  lockDirectory(directory, {
    ...{ signal: AbortSignal.timeout(60_000), onWait: () => {}, heartbeatMs: 10, staleMs: 5_000 },
    ...changes,
  })

/** A lock of somebody else, last heard of so many seconds ago. */
async function otherLock(changes: object, secondsAgo = 0) {
  await mkdir(directory)
  const began = await processIdentity(process.pid)
  const owner = { host: hostname(), pid: process.pid, began, id: 'other', ...changes }
  await writeFile(`${directory}/lock`, JSON.stringify(owner))
  const then = new Date(Date.now() - secondsAgo * 1000)
  await utimes(`${directory}/lock`, then, then)
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
  expect(owners).toMatchObject([{ host: 'elsewhere', pid: 7 }])
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
  await otherLock({ pid: 2 ** 22 + 1 })
  let [inside, most] = [0, 0]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      await using _lock = await lock()
      most = Math.max(most, ++inside)
      await new Promise((go) => setImmediate(go))
      inside--
    }),
  )
  expect(most).toBe(1)
})
