import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildSidecar, isStillStored } from '../../../handler/idempotency.ts'
import { directoryStorage } from '../../../handler/storage/directory.ts'
import { JOB, parse, resultFor } from '../../helpers/jobs/controlled-jobs.ts'

const root = await mkdtemp(join(tmpdir(), 'stored-result-'))
afterAll(() => rm(root, { recursive: true }))
const signal = AbortSignal.timeout(300_000)
const storage = directoryStorage(join(root, 'out'))

/** A result whose video, and what is put beside it, are stored. */
async function stored(id: string, pictures: 'beside it' | 'elsewhere') {
  const file = join(root, id)
  await writeFile(file, `video of ${id}`)
  const name = `${id}.mp4`
  const { bytes, sha256, key } = await storage.put(name, file, signal)
  const beside = await storage.put(`${name}.poster.jpg`, file, signal)
  await storage.putMetadata(`${name}.poster.jpg`, { picture_of: id }, signal)
  const poster =
    pictures === 'beside it'
      ? { key: beside.key, url: beside.url, bytes: beside.bytes }
      : { key: 'given/a.poster.jpg', url: 'https://s3.test/given/a.poster.jpg', bytes: 1 }
  const result = { ...resultFor(id), key, bytes, sha256, poster }
  await storage.putMetadata(name, buildSidecar(parse(JOB, id), result), signal)
  const isThere = () => isStillStored(name, result, storage, signal)
  return { isThere, at: (ending: string) => join(root, 'out', `${name}${ending}`) }
}

test('a result is there as long as its video is', async () => {
  const { isThere, at } = await stored('a', 'elsewhere')
  expect(await isThere()).toBe(true)
  await rm(at('.poster.jpg')) // not its own
  expect(await isThere()).toBe(true)
  await writeFile(at(''), 'another one')
  expect(await isThere()).toBe(false)
})

test('and as long as the pictures beside it are', async () => {
  const { isThere, at } = await stored('b', 'beside it')
  expect(await isThere()).toBe(true)
  await rm(at('.poster.jpg'))
  expect(await isThere()).toBe(false)
})
