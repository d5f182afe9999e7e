import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInputBuckets, parseBucketAddress } from '../../../handler/inputs/input-buckets.ts'
import { createTrustedFetch } from '../../../handler/net/guarded-fetch.ts'
import { b2Access } from '../../../handler/storage/b2.ts'
import { s3Storage } from '../../../handler/storage/s3.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { createInputBuckets } from '../../../runtime/worker/create-inputs.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { fakeB2 } from '../../helpers/storage/fake-b2.ts'
import { KEYS, strictS3, type StrictS3 } from '../../helpers/storage/strict-s3.ts'

const fetch = createTrustedFetch()
const never = new AbortController().signal
let s3: StrictS3
let media: Folder
beforeAll(async () => {
  s3 = await strictS3()
  media = await folder()
  await writeFile(media.file('face'), 'the face')
  const { origin: endpoint } = s3
  const store = s3Storage({
    endpoint,
    region: 'us-east-1',
    bucket: 'bucket',
    prefix: 'in',
    ...KEYS,
  })
  await store.put('a face+1.mp4', media.file('face'), never)
})
afterAll(async () => {
  await s3[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

async function read(url: string): Promise<string> {
  const { status, body } = await fetch(url, { signal: never })
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return `${status} ${Buffer.concat(chunks).toString()}`
}

const timeouts = shortTimeouts()
const s3Access = async () => ({ endpoint: s3.origin, region: 'us-east-1', ...KEYS })

describe('an object is read', () => {
  test('with the keys of an S3', async () => {
    const buckets = openInputBuckets({
      ...{ allowed: ['s3://bucket'], access: { s3: s3Access }, fetch, expiresS: 60 },
    })
    expect(await read(await buckets.presign('s3://bucket/in/a face+1.mp4', never))).toBe(
      '200 the face',
    )
  })
  test('with an application key of B2, which says where its S3 is', async () => {
    await using b2 = await fakeB2({ s3ApiUrl: s3.origin })
    const key = { keyId: KEYS.keyId, appKey: KEYS.secret, apiUrl: b2.origin, fetch, timeouts }
    const access = { b2: (signal: AbortSignal) => b2Access(key, signal) }
    const buckets = openInputBuckets({ allowed: ['b2://bucket'], access, fetch, expiresS: 60 })
    expect(await read(await buckets.presign('b2://bucket/in/a face+1.mp4', never))).toBe(
      '200 the face',
    )
  })
  test('by what the environment says', async () => {
    const { keyId, secret } = KEYS
    const env = {
      S3_ENDPOINT: s3.origin,
      S3_KEY_ID: keyId,
      S3_SECRET: secret,
      STORAGE: 'directory',
    }
    const buckets = createInputBuckets(readConfig({ ...env, INPUT_BUCKETS: 's3://bucket/in' }))!
    expect(await read(await buckets.presign('s3://bucket/in/a face+1.mp4', never))).toBe(
      '200 the face',
    )
    expect(createInputBuckets(readConfig(env))).toBeUndefined()
  })
})

test('a key that B2 refuses fails the download for good', async () => {
  await using b2 = await fakeB2({ s3ApiUrl: s3.origin })
  const key = { keyId: 'other', appKey: 'wrong', apiUrl: b2.origin, fetch, timeouts }
  const access = { b2: (signal: AbortSignal) => b2Access(key, signal) }
  const buckets = openInputBuckets({ allowed: ['b2://bucket'], access, fetch, expiresS: 60 })
  await expect(buckets.presign('b2://bucket/a', never)).rejects.toMatchObject({
    ...{ code: 'DOWNLOAD_FAILED', retryable: false },
    message: 'the store refused the credentials or what they may do: 401',
  })
})

describe('an address', () => {
  const { problem } = openInputBuckets({
    allowed: ['s3://media', 'b2://faces/in'],
    ...{ access: {}, fetch, expiresS: 60 },
  })
  test.each(['s3://media/a', 's3://media/a/b c?d#e.mp4', 'b2://faces/in/a.mp4'])(
    '%s is taken',
    (address) => expect(problem(address)).toBeUndefined(),
  )
  test.each([
    's3://media2/a',
    'b2://media/a',
    's3://faces/in/a',
    'b2://faces/inner/a',
    'b2://faces/a',
  ])('%s is outside of the list', (address) =>
    expect(problem(address)).toMatch(/outside of what this worker reads.*INPUT_BUCKETS/),
  )
  test.each([
    ...[
      's3:',
      's3://media',
      's3://media/',
      's3://m/a',
      's3://media/in/../a',
      's3://media/./a',
      's3:media/a',
    ],
    ...['S3://media/a', 's3://me@media/a', `s3://media/${'a'.repeat(1025)}`, 's3://media/a\nb'],
  ])('%.30s names no object', (address) => expect(problem(address)).toMatch(/^must be s3:/))
  test('keeps its key as it stands', () => {
    expect(parseBucketAddress('s3://media/a%20b?c#d')).toEqual({
      ...{ scheme: 's3', bucket: 'media', key: 'a%20b?c#d' },
    })
  })
})

test.each([
  [{ INPUT_BUCKETS: 's3://media' }, 'S3_KEY_ID: is missing for the s3:// buckets'],
  [{ INPUT_BUCKETS: 'b2://media' }, 'B2_APP_KEY: is missing for the b2:// buckets'],
  [{ INPUT_BUCKETS: 'media' }, 'must be a list of s3://<bucket>'],
])('an environment of %j is refused', (env, message) => {
  expect(() => readConfig({ ...env, STORAGE: 'directory' })).toThrow(message)
})
