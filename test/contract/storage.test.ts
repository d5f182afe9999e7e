import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { directoryStorage } from '../../handler/storage/directory.ts'
import { s3Storage, type S3Options } from '../../handler/storage/s3.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import { createGrowingFile } from '../../handler/system/growing-file.ts'
import { shortTimeouts } from '../helpers/short-timeouts.ts'
import { folder, type Folder } from '../helpers/media/media.ts'
import { S3RVER_KEYS, s3rver } from '../helpers/storage/s3rver.ts'
import { KEYS, strictS3 } from '../helpers/storage/strict-s3.ts'
import { VERSITYGW, versitygw } from '../helpers/storage/versitygw.ts'

const MIB = 2 ** 20
/** Nothing here waits for a fault: a busy machine may take its time. */
const UNHURRIED = { connectMs: 10_000, headersMs: 10_000, stallMs: 10_000, requestMs: 30_000 }
const signal = () => AbortSignal.timeout(300_000)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

interface Subject extends AsyncDisposable {
  storage: Storage
  /** With credentials that are wrong, or for a bucket that is not there. */
  wrong?: { key: Storage; bucket: Storage }
  /** Multipart uploads that were begun and not ended. */
  unfinished?(): Promise<number>
}

function s3(endpoint: string, changes: Partial<S3Options> = {}): Storage {
  return s3Storage({
    ...{ endpoint, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: 'some/prefix' },
    ...{ timeouts: shortTimeouts(UNHURRIED), partBytes: 5 * MIB, ...changes },
  })
}

const wrong = (endpoint: string) => ({
  key: s3(endpoint, { secret: 'not-the-secret-0123456789' }),
  bucket: s3(endpoint, { bucket: 'nobody' }),
})

async function listed(endpoint: string): Promise<number> {
  const client = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: KEYS.keyId, secretAccessKey: KEYS.secret },
  })
  const list = await client.send(new ListMultipartUploadsCommand({ Bucket: 'bucket' }))
  return list.Uploads?.length ?? 0
}

const SUBJECTS: Record<string, () => Promise<Subject>> = {
  'a directory': async () => {
    const { path, [Symbol.asyncDispose]: dispose } = await folder()
    return { storage: directoryStorage(path), [Symbol.asyncDispose]: dispose }
  },
  'a strict S3 in this process': async () => {
    const { origin, uploads, [Symbol.asyncDispose]: dispose } = await strictS3()
    const unfinished = async () => uploads.size
    return { storage: s3(origin), wrong: wrong(origin), unfinished, [Symbol.asyncDispose]: dispose }
  },
  s3rver: async () => {
    const { endpoint, [Symbol.asyncDispose]: dispose } = await s3rver()
    return { storage: s3(endpoint, S3RVER_KEYS), [Symbol.asyncDispose]: dispose }
  },
  versitygw: async () => {
    const { endpoint, [Symbol.asyncDispose]: dispose } = await versitygw()
    const unfinished = () => listed(endpoint)
    return {
      ...{ storage: s3(endpoint), wrong: wrong(endpoint), unfinished },
      [Symbol.asyncDispose]: dispose,
    }
  },
}

let media: Folder
const small = randomBytes(100_000)
const large = randomBytes(12 * MIB)
beforeAll(async () => {
  media = await folder()
  await writeFile(media.file('small.mp4'), small)
  await writeFile(media.file('large.mp4'), large)
  await writeFile(media.file('empty.mp4'), '')
  await mkdir(media.file('folder.mp4'))
})
afterAll(() => media[Symbol.asyncDispose]())

/** What anybody gets who was told the URL. */
async function read(url: string): Promise<Buffer> {
  if (url.startsWith('/')) return readFile(url)
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

const names = Object.keys(SUBJECTS)
const CHECKS_SIGNATURES = ['a strict S3 in this process', 'versitygw']
describe.each(names)('%s', (name) => {
  const absent = name === 'versitygw' && !VERSITYGW
  let at: Subject
  beforeAll(async () => {
    if (!absent) at = await SUBJECTS[name]!()
  })
  afterAll(async () => at?.[Symbol.asyncDispose]())

  test.skipIf(absent)('stores a file, whole, under its URL', async () => {
    const stored = await at.storage.put('a/small.mp4', media.file('small.mp4'), signal())
    expect(stored).toMatchObject({ bytes: small.length, sha256: sha256(small) })
    expect(stored.key).toMatch(/a\/small\.mp4$/)
    expect((await read(stored.url)).equals(small)).toBe(true)
  })
  test.skipIf(absent)('stores a file of several parts, and leaves none of them', async () => {
    const stored = await at.storage.put('large.mp4', media.file('large.mp4'), signal())
    expect(stored).toMatchObject({ bytes: large.length, sha256: sha256(large) })
    expect((await read(stored.url)).equals(large)).toBe(true)
    expect((await at.unfinished?.()) ?? 0).toBe(0)
  })
  test.skipIf(absent)('lists what lies in a folder, and since when', async () => {
    expect(await at.storage.list!('parts', signal())).toEqual([])
    const names = ['parts/1.mp4', 'parts/2.mp4', 'parts/3.mp4', 'parts/3.mp4.json']
    for (const file of names.slice(0, 3))
      await at.storage.put(file, media.file('small.mp4'), signal())
    await at.storage.putMetadata(names[2]!, {}, signal())
    await at.storage.put('parts-of-others.mp4', media.file('small.mp4'), signal())
    const listed = await at.storage.list!('parts', signal())
    expect(listed.map(({ name }) => name).toSorted()).toEqual(names)
    for (const { storedAt } of listed) {
      expect(Math.abs(Date.now() - storedAt.getTime())).toBeLessThan(3_600_000)
    }
  })
  test.skipIf(absent)('gives a file back, and says where there is none', async () => {
    await at.storage.put('fetched.mp4', media.file('large.mp4'), signal())
    const copy = media.file(`fetched-${randomUUID()}.mp4`)
    await at.storage.fetch!('fetched.mp4', copy, signal())
    expect((await readFile(copy)).equals(large)).toBe(true)
    await expect(at.storage.fetch!('nothing.mp4', copy, signal())).rejects.toMatchObject({
      code: 'UPLOAD_FAILED',
    })
  })
  test.skipIf(absent).each([small, large])(
    'stores a file that is still being written, and finds it',
    async (bytes) => {
      const file = createGrowingFile(media.file(`growing-${randomUUID()}.mp4`))
      const storing = at.storage.putGrowing!('growing.mp4', file, signal())
      for (const half of [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]) {
        await appendFile(file.path, half)
        file.grown()
      }
      file.complete()
      const stored = await storing
      expect(stored).toMatchObject({ bytes: bytes.length, sha256: sha256(bytes) })
      expect((await read(stored.url)).equals(bytes)).toBe(true)
      expect((await at.unfinished?.()) ?? 0).toBe(0)
      await at.storage.putMetadata('growing.mp4', {}, signal())
      const found = await at.storage.find('growing.mp4', signal())
      expect(found).toMatchObject({ key: stored.key, bytes: bytes.length })
      expect(found!.sha256 ?? found!.etag).toBe(found!.sha256 ? stored.sha256 : stored.etag)
    },
  )
  test.skipIf(absent).each([small, large])(
    'keeps nothing of a file that fails, and what was there stays',
    async (bytes) => {
      const name = `failing-${bytes.length}.mp4`
      const before = await at.storage.put(name, media.file('small.mp4'), signal())
      const file = createGrowingFile(media.file(name))
      const storing = at.storage.putGrowing!(name, file, signal())
      await writeFile(file.path, bytes)
      file.grown()
      file.fail(new Error('the encoder died'))
      await expect(storing).rejects.toThrow()
      expect((await read(before.url)).equals(small)).toBe(true)
      expect((await at.unfinished?.()) ?? 0).toBe(0)
    },
  )
  test.skipIf(absent)('replaces a file of the same name', async () => {
    await at.storage.put('twice.mp4', media.file('large.mp4'), signal())
    const stored = await at.storage.put('twice.mp4', media.file('small.mp4'), signal())
    expect((await read(stored.url)).equals(small)).toBe(true)
  })
  test.skipIf(absent)('finds a file by its name once it has a side-car', async () => {
    const put = await at.storage.put('found.mp4', media.file('small.mp4'), signal())
    expect(await at.storage.find('found.mp4', signal())).toBeUndefined()
    await at.storage.putMetadata('found.mp4', { made: 'today', ä: [1] }, signal())
    const found = await at.storage.find('found.mp4', signal())
    expect(found).toMatchObject({
      ...{ key: put.key, bytes: small.length, sha256: sha256(small) },
      sidecar: { made: 'today', ä: [1] },
    })
    expect((await read(found!.url)).equals(small)).toBe(true)
  })
  test.skipIf(absent)('finds nothing where there is nothing', async () => {
    expect(await at.storage.find('never.mp4', signal())).toBeUndefined()
  })
  test.skipIf(absent)('removes a file with its side-car, there or not', async () => {
    await at.storage.put('gone.mp4', media.file('small.mp4'), signal())
    await at.storage.putMetadata('gone.mp4', {}, signal())
    await at.storage.remove('gone.mp4', signal())
    expect(await at.storage.find('gone.mp4', signal())).toBeUndefined()
    await at.storage.remove('gone.mp4', signal())
  })
  test.skipIf(absent).each(['none.mp4', 'folder.mp4', 'empty.mp4'])(
    'does not take %s for a result',
    async (file) => {
      const put = at.storage.put('x.mp4', media.file(file), signal())
      await expect(put).rejects.toMatchObject({ code: 'BUG', retryable: false })
      expect(await at.storage.find('x.mp4', signal())).toBeUndefined()
    },
  )
  test.skipIf(absent)('ends with the reason of an abort', async () => {
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    const put = at.storage.put('y.mp4', media.file('large.mp4'), stop.signal)
    await expect(put).rejects.toThrow('enough')
    expect((await at.unfinished?.()) ?? 0).toBe(0)
  })
  if (CHECKS_SIGNATURES.includes(name)) {
    test.skipIf(absent)(
      'refuses wrong credentials and missing buckets for good, without telling secrets',
      async () => {
        for (const storage of [at.wrong!.key, at.wrong!.bucket]) {
          const failure = await storage
            .put('z.mp4', media.file('small.mp4'), signal())
            .catch((error: unknown) => error as Error)
          expect(failure).toMatchObject({ code: 'UPLOAD_FAILED', retryable: false })
          const told = `${JSON.stringify(failure)} ${String((failure as Error).cause)}`
          expect(told).not.toMatch(/secret|key-of-the-test|127\.0\.0\.1/)
        }
      },
    )
  }
})
