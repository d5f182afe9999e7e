import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { avatarCache, type ScanResult } from '../../../handler/render/avatar/avatar-cache.ts'

const BYTES = 8
const STATES = Buffer.from('record 0record 1record 2')
const SCANNED: ScanResult = {
  placed: [{ box: [1, 2, 3, 4], fade: 0.5, slot: 0 }, null],
  fingerprints: [7, 8],
}
let dir: string
let entry: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'musetalk-cache-'))
  entry = join(dir, 'avatars', 'key')
  await writeFile(join(dir, 'fresh'), STATES)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const open = (maxMb = 1) => avatarCache({ dir, maxMb })
async function read(): Promise<{ states: string; scanned: ScanResult } | undefined> {
  const found = await open().get('key', BYTES)
  if (!found) return undefined
  await using records = found.records
  return { states: Buffer.from(await records.read(0, 9)).toString(), scanned: found.scanned }
}
const GOOD = { states: STATES.toString(), scanned: SCANNED }

test('an entry comes back as it was put', async () => {
  expect(await read()).toBeUndefined()
  await open().put('key', join(dir, 'fresh'), SCANNED)
  expect(await read()).toEqual(GOOD)
  expect(await readdir(join(dir, 'avatars'))).toEqual(['key'])
})

describe('an entry that is damaged', () => {
  const halve = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)
  const empty = () => Buffer.alloc(0)
  const zero = (bytes: Buffer) => Buffer.alloc(bytes.length)
  const flip = (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte)))

  test.each([
    ['states', 'half', halve],
    ['states', 'empty', empty],
    ['states', 'zeros', zero],
    ['states', 'one bit', flip],
    ['scanned.json', 'half', halve],
    ['scanned.json', 'empty', empty],
    ['scanned.json', 'zeros', zero],
    ['scanned.json', 'null', () => Buffer.from('null')],
    [
      'scanned.json',
      'another place of the face',
      (bytes: Buffer) => Buffer.from(bytes.toString().replace('[1,2,3,4]', '[1,2,3,5]')),
    ],
    ['scanned.json', 'an earlier form', () => Buffer.from(JSON.stringify(SCANNED))],
  ])('%s: %s, is dropped and can be made again', async (name, _, damage) => {
    await open().put('key', join(dir, 'fresh'), SCANNED)
    const file = join(entry, name)
    await writeFile(file, damage(await readFile(file)))
    expect(await read()).toBeUndefined()
    expect(await readdir(join(dir, 'avatars'))).toEqual([])
    await open().put('key', join(dir, 'fresh'), SCANNED)
    expect(await read()).toEqual(GOOD)
  })

  test('without one of its files is made again too', async () => {
    await open().put('key', join(dir, 'fresh'), SCANNED)
    await rm(join(entry, 'states'))
    expect(await read()).toBeUndefined()
    await open().put('key', join(dir, 'fresh'), SCANNED)
    expect(await read()).toEqual(GOOD)
  })
})

test('what a killed process left is removed, what one is writing is not', async () => {
  const [left, written] = ['.a.1.partial', '.b.2.partial'].map((name) => join(dir, 'avatars', name))
  await mkdir(left!, { recursive: true })
  await mkdir(written!)
  await utimes(left!, 1, 1)
  await open().put('key', join(dir, 'fresh'), SCANNED)
  expect((await readdir(join(dir, 'avatars'))).toSorted()).toEqual(['.b.2.partial', 'key'])
})

test('what is used least goes first, and what is too large is not kept', async () => {
  await writeFile(join(dir, 'large'), Buffer.alloc(400_000))
  for (const key of ['a', 'b']) await open().put(key, join(dir, 'large'), SCANNED)
  await utimes(join(dir, 'avatars', 'b'), 1, 1)
  await open().put('c', join(dir, 'large'), SCANNED)
  expect((await readdir(join(dir, 'avatars'))).toSorted()).toEqual(['a', 'c'])
  await open(0.1).put('d', join(dir, 'large'), SCANNED)
  expect(await readdir(join(dir, 'avatars'))).not.toContain('d')
})
