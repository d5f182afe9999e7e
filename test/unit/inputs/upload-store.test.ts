import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UploadStore, type UploadLimits } from '../../../handler/inputs/upload-store.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

const LIMITS: UploadLimits = {
  ...{ maxBytes: 1000, maxTotalBytes: 2500, maxCount: 4, ttlMs: 60_000, stallMs: 60_000 },
}
let media: Folder
let now: number
let store: UploadStore
beforeEach(async () => {
  media = await folder()
  now = Date.UTC(2026, 0, 1)
  store = open()
})
afterEach(() => media[Symbol.asyncDispose]())

const open = (limits: Partial<UploadLimits> = {}) =>
  new UploadStore(media.file('uploads'), { ...LIMITS, ...limits }, () => now)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** In pieces, as a connection brings it. */
const stream = (bytes: Uint8Array) => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
    bytes.subarray(7 * i, 7 * i + 7),
  )
  return Readable.from(pieces)
}
const files = () => readdir(media.file('uploads'))

describe('a file arrives', () => {
  const bytes = randomBytes(100)
  test('in one part or several, and jobs get it by its name', async () => {
    for (const cuts of [[100], [1, 100], [33, 66, 100]]) {
      const upload = await store.create(100)
      for (const [i, end] of cuts.entries()) {
        const from = cuts[i - 1] ?? 0
        expect(store.problem(`upload:${upload.id}`)).toContain(`${from} of 100 bytes`)
        await store.append(upload, from, stream(bytes.subarray(from, end)))
      }
      expect(upload).toMatchObject({ offset: 100, sha256: sha256(bytes) })
      expect(store.problem(`upload:${upload.id}`)).toBeUndefined()
      await store.link(`upload:${upload.id}`, media.file(`job-${upload.id}`))
      await store.remove(upload.id)
      expect(await readFile(media.file(`job-${upload.id}`))).toEqual(bytes)
    }
    expect(await files()).toEqual([])
  })
  test('whose size is known at its end', async () => {
    const upload = await store.create()
    await store.append(upload, 0, stream(bytes))
    expect(upload).toMatchObject({ length: 100, sha256: sha256(bytes) })
  })
  test('after its connection was cut', async () => {
    const upload = await store.create(100)
    const broken = new PassThrough()
    const first = store.append(upload, 0, broken)
    broken.write(bytes.subarray(0, 40))
    await until(() => upload.offset === 40)
    broken.destroy(new Error('reset'))
    await expect(first).rejects.toMatchObject({
      code: 'MEDIA_UNREADABLE',
      message: 'the upload was cut off',
    })
    await store.append(upload, 40, stream(bytes.subarray(40)))
    expect(upload.sha256).toBe(sha256(bytes))
  })
  test('from a client that comes back while its former connection still hangs', async () => {
    const upload = await store.create(100)
    const hanging = new PassThrough()
    const first = store.append(upload, 0, hanging)
    hanging.write(bytes.subarray(0, 40))
    await until(() => upload.offset === 40)
    const outcome = expect(first).rejects.toMatchObject({ code: 'MEDIA_UNREADABLE' })
    expect((await store.settle(upload.id))?.offset).toBe(40)
    await outcome
    await store.append(upload, 40, stream(bytes.subarray(40)))
    expect(upload.sha256).toBe(sha256(bytes))
  })
})

describe('bytes that came in a request', () => {
  test('are kept once, under their digest', async () => {
    const bytes = randomBytes(50)
    const [one, other] = await Promise.all([store.add(bytes), store.add(bytes)])
    expect([one.id, other.id, (await store.add(bytes)).id]).toEqual(Array(3).fill(sha256(bytes)))
    expect(await files()).toHaveLength(1)
    await store.link(`upload:${one.id}`, media.file('job'))
    expect(await readFile(media.file('job'))).toEqual(bytes)
  })
})

describe('is refused', () => {
  test('what is too large, announced or not', async () => {
    const tooLarge = { code: 'MEDIA_TOO_LARGE' }
    await expect(store.create(1001)).rejects.toMatchObject(tooLarge)
    await expect(store.add(randomBytes(1001))).rejects.toMatchObject(tooLarge)
    const open = await store.create()
    await expect(store.append(open, 0, stream(randomBytes(1001)))).rejects.toMatchObject(tooLarge)
    const told = await store.create(10)
    await expect(store.append(told, 0, stream(randomBytes(11)))).rejects.toMatchObject(tooLarge)
  })
  test('what there is no room for, until something has expired', async () => {
    await store.create(1000)
    await store.create(1000)
    await expect(store.create(501)).rejects.toMatchObject({ code: 'BUSY', retryable: true })
    const unknown = await store.create()
    await expect(store.append(unknown, 0, stream(randomBytes(501)))).rejects.toMatchObject({
      code: 'BUSY',
    })
    now += LIMITS.ttlMs
    await store.create(1000)
    expect(await files()).toHaveLength(1)
  })
  test('one more than the number that is kept', async () => {
    for (let i = 0; i < LIMITS.maxCount; i++) await store.create(1)
    await expect(store.create(1)).rejects.toMatchObject({ code: 'BUSY' })
  })
  test('a part that begins elsewhere, or comes after the end', async () => {
    const upload = await store.create(10)
    await expect(store.append(upload, 5, stream(randomBytes(5)))).rejects.toThrow(
      'goes on at byte 0',
    )
    await store.append(upload, 0, stream(randomBytes(10)))
    await expect(store.append(upload, 10, stream(randomBytes(1)))).rejects.toThrow(
      'goes on at byte 10',
    )
  })
  test('a client that sends nothing', async () => {
    const slow = open({ stallMs: 20 })
    const upload = await slow.create(10)
    await expect(slow.append(upload, 0, new PassThrough())).rejects.toThrow(
      'the upload was cut off',
    )
  })
})

test('an upload expires after its last use', async () => {
  const upload = await store.create(1)
  await store.append(upload, 0, stream(randomBytes(1)))
  now += LIMITS.ttlMs - 1
  await store.link(`upload:${upload.id}`, media.file('one'))
  now += LIMITS.ttlMs - 1
  expect(store.get(upload.id)).toBe(upload)
  now += 1
  expect(store.get(upload.id)).toBeUndefined()
  expect(store.problem(`upload:${upload.id}`)).toMatch(/expired/)
  await expect(store.link(`upload:${upload.id}`, media.file('two'))).rejects.toMatchObject({
    code: 'MEDIA_UNREADABLE',
  })
})

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}
