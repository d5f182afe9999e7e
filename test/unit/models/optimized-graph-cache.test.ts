import { spawnSync } from 'node:child_process'
import { mkdir, readFile, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  removeOptimized,
  findOptimized,
  writeOptimized,
  cacheEntry,
  WEIGHTS,
} from '../../../models/inference/optimized-graph-cache.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

let place: Folder
beforeEach(async () => {
  place = await folder()
})
afterEach(() => place[Symbol.asyncDispose]())

const at = (host = 'this host', sums = ['sum']) =>
  cacheEntry({ folder: place.file('graphs'), sums, bytes: 100 }, host)
const writes = (weights: string) => async (graph: string) => {
  await writeFile(graph, 'graph')
  await writeFile(join(dirname(graph), WEIGHTS), weights)
}
const names = () => readdir(place.file('graphs'))

test('a copy is found by processor, runtime and weights', async () => {
  expect(await findOptimized(at())).toBeUndefined()
  const made = await writeOptimized(at(), writes('weights'))
  expect(await findOptimized(at())).toBe(made)
  expect(await readFile(made, 'utf8')).toBe('graph')
  expect(await findOptimized(at('another host'))).toBeUndefined()
  expect(await findOptimized(at('this host', ['another sum']))).toBeUndefined()
  await removeOptimized(at())
  expect(await findOptimized(at())).toBeUndefined()
})

test.each<[string, (entry: string) => Promise<void>]>([
  ['was cut off', (entry) => truncate(join(entry, WEIGHTS), 3)],
  ['lost its weights', (entry) => rm(join(entry, WEIGHTS))],
  ['lost its stamp', (entry) => rm(join(entry, 'copy.json'))],
  ['has a stamp of something else', (entry) => writeFile(join(entry, 'copy.json'), '{"sha256":1}')],
  ['was written over', (entry) => writeFile(join(entry, WEIGHTS), 'WEIGHTS')],
  ['has another graph', (entry) => writeFile(join(entry, 'graph.onnx'), 'grapf')],
])('a copy that %s is none, and is made again', async (_, damage) => {
  const entry = dirname(await writeOptimized(at(), writes('weights')))
  await utimes(join(entry, WEIGHTS), 1, 1)
  await damage(entry)
  expect(await findOptimized(at())).toBeUndefined()
  const made = await writeOptimized(at(), writes('weights'))
  expect(await findOptimized(at())).toBe(made)
  expect(await readFile(join(entry, WEIGHTS), 'utf8')).toBe('weights')
})

test('of two that make one at the same time the first wins, and both use it', async () => {
  const [early, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow = writeOptimized(at(), async (graph) => {
    early.resolve()
    await late.promise
    await writes('slow')(graph)
  })
  await early.promise
  const first = await writeOptimized(at(), writes('quick'))
  late.resolve()
  expect(await slow).toBe(first)
  expect(await readFile(join(dirname(first), WEIGHTS), 'utf8')).toBe('quick')
  expect(await names()).toHaveLength(1)
})

test('a copy that cannot be written leaves nothing behind and says why', async () => {
  const full = writeOptimized(at(), async (graph) => {
    await writeFile(graph, 'half')
    throw new Error('no space left on device')
  })
  await expect(full).rejects.toThrow('no space left')
  expect(await names()).toEqual([])
  const huge = { ...at(), bytes: 1e15 }
  await expect(writeOptimized(huge, writes('weights'))).rejects.toThrow(/too little room/)
  expect(await names()).toEqual([])
  await writeFile(place.file('file'), '')
  const nowhere = { ...at(), folder: place.file('file') }
  await expect(writeOptimized(nowhere, writes('weights'))).rejects.toThrow(/EEXIST|ENOTDIR/)
})

test('copies that nobody has used for a month are removed, and what crashes left', async () => {
  const old = dirname(await writeOptimized(at('an old host'), writes('old')))
  const used = dirname(await writeOptimized(at('a used host'), writes('used')))
  const crashed = join(dirname(old), '.key.partial')
  await mkdir(crashed)
  const days = (count: number) => Date.now() / 1000 - count * 86_400
  await utimes(old, days(31), days(31))
  await utimes(used, days(31), days(31))
  await utimes(crashed, days(2), days(2))
  await findOptimized(at('a used host'))
  const made = dirname(await writeOptimized(at(), writes('new')))
  expect((await names()).map((name) => join(dirname(old), name)).toSorted()).toEqual(
    [used, made].toSorted(),
  )
})

test('what a killed process left half made goes with the next copy, what others make stays', async () => {
  const dead = spawnSync(process.execPath, ['--version']).pid
  const partial = (pid: number) => place.file(`graphs/.key~${hostname()}~${pid}~1.partial`)
  await mkdir(partial(dead), { recursive: true })
  await mkdir(partial(process.ppid))
  await mkdir(partial(process.pid))
  await utimes(partial(process.pid), 1e9, Date.now() / 1000 - process.uptime() - 60)
  const elsewhere = place.file('graphs/.key~another-host~1~1.partial')
  await mkdir(elsewhere)
  const made = dirname(await writeOptimized(at(), writes('new')))
  expect((await names()).map((name) => place.file(`graphs/${name}`)).toSorted()).toEqual(
    [made, partial(process.ppid), elsewhere].toSorted(),
  )
})

test('of several that make one copy at the same time none takes it from another', async () => {
  for (let round = 0; round < 20; round++) {
    const make = async () =>
      readFile(await writeOptimized(at(`host ${round}`), writes('weights')), 'utf8')
    expect(await Promise.all(Array.from({ length: 6 }, make))).toEqual(Array(6).fill('graph'))
  }
})
