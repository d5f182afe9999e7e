import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  checkFiles,
  stampsOf,
  type VerificationRecord,
} from '../../../models/inference/file-verification.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

let place: Folder
let known: VerificationRecord
const sha256 = createHash('sha256').update('weights').digest('hex')
const FILES = [{ file: 'a.data', bytes: 7, sha256 }]
const check = (stamp?: VerificationRecord, id = 'id', signal?: AbortSignal) =>
  checkFiles(place.file('bundle'), id, FILES, stamp, signal)

beforeEach(async () => {
  place = await folder()
  await mkdir(place.file('bundle'))
  await writeFile(place.file('bundle/a.data'), 'weights')
  known = await check()
})
afterEach(() => place[Symbol.asyncDispose]())

/** Other bytes of the same number: only a hash can tell. */
async function swap() {
  await writeFile(place.file('bundle/b.data'), 'WEIGHTS')
  await rename(place.file('bundle/b.data'), place.file('bundle/a.data'))
}

test('what was hashed once is not hashed again', async () => {
  expect(await check(known)).toBe(known)
  // The proof that nothing was read: these bytes are wrong, and only their mark says otherwise.
  await swap()
  const other = await check().catch((error: Error) => error)
  expect(other).toMatchObject({ kind: 'bundle' })
})

test.each<[string, () => Promise<void>]>([
  ['another file took its place', swap],
  ['it was written over', () => writeFile(place.file('bundle/a.data'), 'Weights')],
])('what was changed is hashed again: %s', async (_, change) => {
  await change()
  await expect(check(known)).rejects.toThrow(/a\.data is damaged/)
})

test('gigabytes need not be hashed by whoever is told to stop', async () => {
  await expect(check(undefined, 'id', AbortSignal.abort())).rejects.toThrow(/abort/)
})

test('a touched file is hashed again and found to be good', async () => {
  await utimes(place.file('bundle/a.data'), 5, 5)
  const fresh = await check({ ...known, tested: ['host'] })
  expect(fresh).toMatchObject({ id: 'id', tested: [] })
  expect(fresh.files).not.toEqual(known.files)
})

test('a stamp of another manifest does not count', async () => {
  expect(await check({ ...known, tested: ['host'] }, 'other')).toMatchObject({ tested: [] })
})

test('sizes are always looked at', async () => {
  await truncate(place.file('bundle/a.data'), 3)
  await expect(check(known)).rejects.toThrow(/a\.data has 3 bytes; the manifest says 7/)
  await rm(place.file('bundle/a.data'))
  await expect(check(known)).rejects.toThrow(/a\.data is missing/)
})

test('a stamp is found again by the folder, whatever name it is reached by', async () => {
  await symlink(place.file('bundle'), place.file('link'))
  const stamps = stampsOf(place.file('bundle'), place.file('stamps'))
  expect(await stamps.read()).toBeUndefined()
  expect(await stamps.write(known)).toBeUndefined()
  expect(await stampsOf(place.file('link'), place.file('stamps')).read()).toEqual(known)
  expect(await stampsOf(place.path, place.file('stamps')).read()).toBeUndefined()
})

test('a damaged stamp is none, and one that cannot be written is told', async () => {
  const stamps = stampsOf(place.file('bundle'), place.file('stamps'))
  await stamps.write(known)
  const [name] = await readdir(place.file('stamps'))
  await writeFile(place.file(`stamps/${name}`), '{"id":')
  expect(await stamps.read()).toBeUndefined()
  await writeFile(place.file('file'), '')
  expect(await stampsOf(place.file('bundle'), place.file('file')).write(known)).toMatch(/EEXIST/)
  expect(await stampsOf(place.file('bundle'), undefined).read()).toBeUndefined()
})
