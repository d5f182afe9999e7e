import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGuardedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Timeouts } from '../../handler/net/timeouts.ts'
import { b2Storage } from '../../handler/storage/b2.ts'
import { presignedStorage } from '../../handler/storage/presigned.ts'
import { createS3Client, presignGet } from '../../handler/storage/s3-client.ts'
import { s3Storage } from '../../handler/storage/s3.ts'
import { httpError } from '../../handler/storage/storage-errors.ts'
import { fakeB2, type FakeB2Options } from '../helpers/storage/fake-b2.ts'
import { shortTimeouts } from '../helpers/short-timeouts.ts'
import { shortlist } from '../helpers/shortlist.ts'
import { folder, type Folder } from '../helpers/media/media.ts'
import {
  KEYS,
  strictS3,
  type Fault,
  type Operation,
  type StrictS3,
} from '../helpers/storage/strict-s3.ts'
import { VERSITYGW, versitygw } from '../helpers/storage/versitygw.ts'
import { webServer } from '../helpers/servers/loopback-server.ts'

const MIB = 2 ** 20
const signal = () => AbortSignal.timeout(300_000)
const small = randomBytes(50_000)
const middle = randomBytes(5 * MIB + 1000) // two parts
const large = randomBytes(10 * MIB + 1000) // three parts
let media: Folder
beforeAll(async () => {
  media = await folder()
  await writeFile(media.file('small'), small)
  await writeFile(media.file('middle'), middle)
  await writeFile(media.file('large'), large)
})
afterAll(() => media[Symbol.asyncDispose]())

const open = ({ origin }: { origin: string }, timeouts: Partial<Timeouts> = {}) =>
  s3Storage({
    ...{ endpoint: origin, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: '' },
    ...{ timeouts: shortTimeouts(timeouts), partBytes: 5 * MIB },
  })

const put = (to: StrictS3, file: 'small' | 'middle' | 'large', timeouts: Partial<Timeouts> = {}) =>
  open(to, timeouts).put('a.mp4', media.file(file), signal())

/** A fault of one kind of operation, in its first `times`. */
const faulty =
  (name: Operation['name'], fault: Fault, times = Infinity, part?: number) =>
  (one: Operation): Fault | undefined =>
    one.name === name && one.before < times && (part === undefined || one.part === part)
      ? fault
      : undefined

const OPERATIONS = ['create', 'part', 'complete', 'head'] as const
const BAD_MOMENTS: [string, Fault][] = [
  ['503', { status: 503, code: 'SlowDown' }],
  ['a cut connection', 'reset'],
  ['an answer that is lost', 'lost'],
  ['500', { status: 500, code: 'InternalError' }],
  ['429', { status: 429, code: 'TooManyRequests' }],
]

describe('a store that fails for a moment is tried again, and the file is whole', () => {
  for (const [what, fault] of shortlist(3, BAD_MOMENTS)) {
    test.each(OPERATIONS)(`${what} in %s`, async (name) => {
      await using s3 = await strictS3(faulty(name, fault, 2))
      const stored = await put(s3, 'middle')
      expect(s3.objects.get('a.mp4')!.body.equals(middle)).toBe(true)
      expect(stored.bytes).toBe(middle.length)
      // An upload whose answer was lost cannot be known, and so not be aborted.
      const unknown = name === 'create' && fault === 'lost' ? 2 : 0
      expect(s3.uploads.size).toBe(unknown)
    })
    test(`${what} in put`, async () => {
      await using s3 = await strictS3(faulty('put', fault, 2))
      await put(s3, 'small')
      expect(s3.objects.get('a.mp4')!.body.equals(small)).toBe(true)
    })
  }
  test('a connection that is reset in part 3', async () => {
    await using s3 = await strictS3(faulty('part', 'reset', 1, 3))
    await put(s3, 'large')
    expect(s3.objects.get('a.mp4')!.body.equals(large)).toBe(true)
    const parts = s3.operations.filter(({ name }) => name === 'part').map(({ part }) => part)
    expect(parts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 3]) // the others are not sent again
  })
  test.each(['small', 'large'] as const)('bytes that changed on their way: %s', async (file) => {
    const name = file === 'small' ? 'put' : 'part'
    await using s3 = await strictS3(faulty(name, 'corrupt', 1))
    await put(s3, file)
    const { body } = s3.objects.get('a.mp4')!
    expect(body.equals(file === 'small' ? small : large)).toBe(true)
  })
  test.each([3_600_000, -3_600_000])('a clock that is %i ms ahead of ours', async (aheadMs) => {
    await using s3 = await strictS3(undefined, aheadMs)
    const { url } = await put(s3, 'middle')
    expect(s3.objects.get('a.mp4')!.body.equals(middle)).toBe(true)
    expect((await fetch(url)).status).toBe(200)
  })
  test('503 for longer than half of all tries', async () => {
    const upload = { tries: 8, firstMs: 5, maxMs: 20 }
    await using s3 = await strictS3(faulty('part', { status: 503 }, 6, 2))
    await put(s3, 'middle', { upload })
    expect(s3.objects.get('a.mp4')!.body.equals(middle)).toBe(true)
  })
})

describe('a store that fails on and on fails the job as retryable, and keeps no parts', () => {
  test.each(['part', 'complete', 'head'] as const)('503 in %s', async (name) => {
    await using s3 = await strictS3(faulty(name, { status: 503, code: 'SlowDown' }))
    await expect(put(s3, 'middle')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
      message: expect.stringMatching(/^the storage answered with status 503/) as string,
    })
    expect(s3.uploads.size).toBe(0)
  })
  test('a store that is not there', async () => {
    const s3 = await strictS3()
    await s3[Symbol.asyncDispose]()
    await expect(put(s3, 'small')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
      message: 'the storage refused the connection',
    })
  })
  test('bytes that change every time', async () => {
    await using s3 = await strictS3(faulty('part', 'corrupt', Infinity, 2))
    await expect(put(s3, 'middle')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
    })
    expect(s3.uploads.size).toBe(0)
    expect(s3.objects.size).toBe(0)
  })
  test('a store that keeps less than it took', async () => {
    await using s3 = await strictS3((one) => {
      const object = s3.objects.get('a.mp4')
      if (one.name === 'head' && object) object.body = object.body.subarray(1)
      return undefined
    })
    await expect(put(s3, 'small')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
      message: `the storage holds ${small.length - 3} bytes, not the ${small.length} that were sent`,
    })
  })
})

describe('a store whose first look at an object is not the last word', () => {
  test.each([
    ['nothing', { status: 404, code: 'NotFound' } as const],
    ['what was there before', undefined],
  ])('shows %s, and then what was sent', async (_, fault) => {
    let looks = 0
    await using s3 = await strictS3((one) => {
      const object = s3.objects.get('a.mp4')
      if (one.name !== 'head' || !object || looks++ > 1) return undefined
      if (fault) return fault
      const whole = object.body
      object.body = Buffer.from('older')
      setImmediate(() => (object.body = whole))
      return undefined
    })
    const stored = await put(s3, 'small')
    expect(stored.bytes).toBe(small.length)
    expect(looks).toBe(3)
  })
  test('fails as retryable where the object is not there in any look', async () => {
    await using s3 = await strictS3(faulty('head', { status: 404, code: 'NotFound' }))
    await expect(put(s3, 'small')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
      message: 'the storage took the file and does not have it',
    })
  })
})

test('an upload is seen to move, piece by piece', async () => {
  await using s3 = await strictS3()
  const { client, onProgress } = createS3Client({
    ...{ endpoint: s3.origin, region: 'us-east-1', ...KEYS },
  })
  let moves = 0
  const { signal: abortSignal } = new AbortController()
  onProgress(abortSignal, () => moves++)
  const put = new PutObjectCommand({ Bucket: 'bucket', Key: 'a.mp4', Body: large })
  await client.send(put, { abortSignal })
  expect(moves).toBe(Math.ceil(large.length / 65_536) + 1)
  expect(s3.objects.get('a.mp4')!.body.equals(large)).toBe(true)
})

describe('a store that says why', () => {
  const why = 'Transaction cap exceeded, see the Caps & Alerts page to increase your cap.'
  test.each([
    [why, `403 (AccessDenied): ${why}`],
    ['', '403 (AccessDenied)'],
    [
      "The key '0012f8ab' of AKIAIOSFODNN7EXAMPLE1 is not valid",
      '403 (AccessDenied): The key … of … is not valid',
    ],
    [
      'Please use virtual hosted style to access.',
      '403 (AccessDenied): Please use virtual hosted style to access.; set S3_ADDRESSING_STYLE=virtual',
    ],
  ])('is repeated, without keys: %s', (sentence, told) => {
    const { message, permanent } = httpError(403, 'AccessDenied', sentence)
    expect(message).toBe(`refused the credentials or what they may do: ${told}`)
    expect(permanent).toBe(true)
  })
  test('by S3 and by B2’s own API', async () => {
    await using s3 = await strictS3(faulty('put', { status: 403, code: 'AccessDenied', text: why }))
    await expect(put(s3, 'small')).rejects.toThrow(`(AccessDenied): ${why}`)
    await using api = await webServer((_, response) => {
      response
        .writeHead(403)
        .end(JSON.stringify({ code: 'cap_exceeded', message: why, status: 403 }))
    })
    const storage = b2Storage({
      ...{ keyId: 'k', appKey: 's', bucket: 'bucket', prefix: '', apiUrl: api.origin },
      fetch: createGuardedFetch({ isBlocked: () => false }),
    })
    const upload = storage.put('a.mp4', media.file('small'), signal())
    await expect(upload).rejects.toThrow(`(cap_exceeded): ${why}`)
  })
})

describe('the name of the bucket', () => {
  const hostsOf = async (endpoint: string, addressing?: 'path' | 'virtual') => {
    const access = { endpoint, region: 'r', keyId: 'k', secret: 's' }
    const url = new URL(
      await presignGet({ ...access, ...(addressing && { addressing }) }, 'bucket', 'a.mp4', 60),
    )
    return url.host + url.pathname
  }
  test.each([
    ['https://oss-cn-hangzhou.aliyuncs.com', 'bucket.oss-cn-hangzhou.aliyuncs.com/a.mp4'],
    ['https://cos.ap-guangzhou.myqcloud.com', 'bucket.cos.ap-guangzhou.myqcloud.com/a.mp4'],
    ['https://tos-s3-cn-beijing.volces.com', 'bucket.tos-s3-cn-beijing.volces.com/a.mp4'],
    ['https://s3.eu-central-003.backblazeb2.com', 's3.eu-central-003.backblazeb2.com/bucket/a.mp4'],
    ['http://minio:9000', 'minio:9000/bucket/a.mp4'],
  ])('stands where %s wants it', async (endpoint, address) => {
    expect(await hostsOf(endpoint)).toBe(address)
  })
  test('moves into the host name of a store that asks for it, unless the operator says where', async () => {
    const open = (addressing?: 'path') =>
      createS3Client({
        ...{ endpoint: 'http://store.example', region: 'r', ...KEYS },
        ...(addressing && { addressing }),
      })
    const { client, useVirtualHost } = open()
    const address = async () => {
      const command = new GetObjectCommand({ Bucket: 'bucket', Key: 'a.mp4' })
      const { host, pathname } = new URL(await getSignedUrl(client, command))
      return host + pathname
    }
    expect(await address()).toBe('store.example/bucket/a.mp4')
    expect(useVirtualHost()).toBe(true)
    expect(await address()).toBe('bucket.store.example/a.mp4')
    expect(useVirtualHost()).toBe(false) // it has been tried
    expect(open('path').useVirtualHost()).toBe(false)
  })
  test('stands where the operator says', async () => {
    expect(await hostsOf('http://store.example', 'virtual')).toBe('bucket.store.example/a.mp4')
    expect(await hostsOf('https://oss.aliyuncs.com', 'path')).toBe('oss.aliyuncs.com/bucket/a.mp4')
  })
})

describe('a store that refuses fails the job for good, at once, and keeps no parts', () => {
  test.each([
    [403, 'AccessDenied'],
    [404, 'NoSuchBucket'],
    [400, 'InvalidRequest'],
  ])('%i %s in a part', async (status, code) => {
    await using s3 = await strictS3(faulty('part', { status, code }, Infinity, 2))
    await expect(put(s3, 'middle')).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: false },
    })
    expect(s3.operations.filter(({ part }) => part === 2)).toHaveLength(1)
    expect(s3.uploads.size).toBe(0)
  })
})

describe('a store that hangs', () => {
  test('has its requests taken back by a time limit that ends them', async () => {
    await using s3 = await strictS3(faulty('part', 'hang', 1, 2))
    await put(s3, 'large', { requestMs: 1500 })
    expect(s3.objects.get('a.mp4')!.body.equals(large)).toBe(true)
    await expect.poll(() => s3.dropped()).toBe(1)
  })
  test('on and on fails the upload at its limit, and no request is left behind', async () => {
    await using s3 = await strictS3((one) => (one.name === 'part' ? 'hang' : undefined))
    await expect(put(s3, 'large', { uploadMs: 1500 })).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: true },
      message: 'the storage got no further for 1.5 s',
    })
    await expect.poll(() => s3.dropped()).toBe(3) // parts in flight
    expect(s3.uploads.size).toBe(0)
  })
})

test.each(['create', 'part', 'complete', 'head'] as const)(
  'an abort during %s ends with its reason, and leaves no parts',
  async (name) => {
    const stop = new AbortController()
    await using s3 = await strictS3((one) => {
      if (one.name !== name) return undefined
      stop.abort(new Error('enough'))
      return name === 'create' ? undefined : 'hang'
    })
    const upload = open(s3).put('a.mp4', media.file('middle'), stop.signal)
    await expect(upload).rejects.toThrow('enough')
    expect(s3.uploads.size).toBe(0)
    expect(s3.operations.filter((one) => one.name === 'part').length).toBeLessThanOrEqual(3)
  },
)

test('a store that is down does not hold a job that was stopped', async () => {
  const stop = new AbortController()
  await using s3 = await strictS3(() => ({ status: 503 }))
  const upload = { tries: 8, firstMs: 240_000, maxMs: 240_000 } // pauses longer than a test may take
  const put = open(s3, { upload }).put('a.mp4', media.file('large'), stop.signal)
  const ended = expect(put).rejects.toThrow('enough')
  await expect.poll(() => s3.operations.length).toBe(1)
  stop.abort(new Error('enough'))
  await ended
})

test('what a caller is told of a failure has no key, secret, address or signature in it', async () => {
  for (const fault of [
    { status: 403, code: 'InvalidAccessKeyId' },
    { status: 503 },
    'reset',
  ] as const) {
    await using s3 = await strictS3(faulty('put', fault))
    const error = (await put(s3, 'small').catch((thrown: unknown) => thrown)) as Error
    const told = JSON.stringify([error, String(error.stack), String((error.cause as Error).stack)])
    expect(told).not.toMatch(/of-the-test|127\.0\.0\.1|X-Amz|Signature=/)
  }
})

describe('a presigned GET', () => {
  test('opens the object until it expires, and only that object', async () => {
    await using s3 = await strictS3()
    const stored = await put(s3, 'small')
    expect((await fetch(stored.url)).status).toBe(200)
    expect((await fetch(stored.url.replace('a.mp4', 'b.mp4'))).status).toBe(403)
    expect(new URL(stored.url).searchParams.get('X-Amz-Expires')).toBe('604800')
    const soon = s3Storage({
      ...{ endpoint: s3.origin, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: '' },
      expiresS: 1,
    })
    const { url } = await soon.put('a.mp4', media.file('small'), signal())
    await expect.poll(async () => (await fetch(url)).status).toBe(403)
  })
})

describe('a public base', () => {
  test('replaces the presigned URL', async () => {
    await using s3 = await strictS3()
    const storage = s3Storage({
      ...{ endpoint: s3.origin, region: 'us-east-1', bucket: 'bucket', ...KEYS },
      ...{ prefix: 'p/q', publicBaseUrl: 'https://cdn.example/x/' },
    })
    const stored = await storage.put('a b.mp4', media.file('small'), signal(), 'attachment')
    expect(stored).toMatchObject({ key: 'p/q/a b.mp4', url: 'https://cdn.example/x/p/q/a%20b.mp4' })
    expect(s3.objects.get('p/q/a b.mp4')!.headers).toMatchObject({
      ...{ 'content-disposition': 'attachment', 'content-type': 'video/mp4' },
    })
  })
})

describe('Backblaze B2', () => {
  const b2 = (
    api: { origin: string },
    secret = KEYS.secret,
    bucket = 'bucket',
    more: Partial<Parameters<typeof b2Storage>[0]> = {},
  ) =>
    b2Storage({
      ...{ keyId: KEYS.keyId, appKey: secret, bucket, prefix: 'avatar/outputs' },
      ...{ apiUrl: api.origin, fetch: createGuardedFetch({ isBlocked: () => false }) },
      timeouts: shortTimeouts(),
      ...more,
    })
  const given = async (options: Omit<FakeB2Options, 's3ApiUrl'> = {}) => {
    const s3 = await strictS3()
    const api = await fakeB2({ s3ApiUrl: s3.origin, ...options })
    return {
      ...{ s3, api },
      async [Symbol.asyncDispose]() {
        await api[Symbol.asyncDispose]()
        await s3[Symbol.asyncDispose]()
      },
    }
  }

  test('is found by its key alone, and answers the download host’s URL', async () => {
    await using at = await given()
    const storage = b2(at.api)
    const stored = await storage.put('j.mp4', media.file('small'), signal())
    expect(stored.url).toBe('https://f004.b2.example/file/bucket/avatar/outputs/j.mp4')
    expect(at.s3.objects.get('avatar/outputs/j.mp4')!.body.equals(small)).toBe(true)
    await storage.putMetadata('j.mp4', { a: 1 }, signal())
    expect(await storage.find('j.mp4', signal())).toMatchObject({ sidecar: { a: 1 } })
    const authorized = at.api.seen.filter(({ path }) => path.includes('authorize'))
    expect(authorized).toHaveLength(1)
  })
  test('is reached by the proxy, where its S3 is too', async () => {
    await using at = await given()
    await using proxy = await webServer((_, response) => void response.writeHead(403).end())
    const storage = b2(at.api, KEYS.secret, 'bucket', {
      proxy: { http: proxy.origin, bypass: '' },
    })
    const stored = storage.put('j.mp4', media.file('small'), signal())
    await expect(stored).rejects.toMatchObject({ code: 'UPLOAD_FAILED' })
    expect(proxy.seen[0]!.path).toMatch(`${at.s3.origin}/bucket/avatar/outputs/j.mp4`)
    expect(at.s3.objects.size).toBe(0)
  })
  test('answers presigned URLs for a private bucket', async () => {
    await using at = await given({ bucketType: 'allPrivate' })
    const { url } = await b2(at.api).put('j.mp4', media.file('small'), signal())
    expect((await fetch(url)).status).toBe(200)
  })
  test('with a key that may not list buckets', async () => {
    await using at = await given({ capabilities: ['readFiles', 'writeFiles'] })
    const { url } = await b2(at.api).put('j.mp4', media.file('small'), signal())
    expect(url).toContain('https://f004.b2.example/')
  })
  test('is asked again when it fails for a moment', async () => {
    await using at = await given({ failures: [503, 500] })
    await b2(at.api).put('j.mp4', media.file('small'), signal())
    expect(at.s3.objects.size).toBe(1)
  })
  test('refuses a wrong key and a missing bucket for good, and is asked again by the next job', async () => {
    await using at = await given()
    const wrong = b2(at.api, 'wrong')
    for (let i = 1; i <= 2; i++) {
      const error = (await wrong
        .put('j.mp4', media.file('small'), signal())
        .catch((thrown: unknown) => thrown)) as Error
      expect(error).toMatchObject({ code: 'UPLOAD_FAILED', retryable: false })
      expect(JSON.stringify(error) + error.stack).not.toContain(KEYS.keyId)
    }
    expect(at.api.seen).toHaveLength(2)
    const nobody = b2(at.api, KEYS.secret, 'nobody').put('j.mp4', media.file('small'), signal())
    await expect(nobody).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', retryable: false },
      message: 'the storage has no bucket "nobody"',
    })
  })
  test('answers that are no answers fail for good', async () => {
    await using page = await webServer((_, response) => void response.end('<html>hello'))
    const upload = b2(page).put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toMatchObject({ code: 'UPLOAD_FAILED', retryable: false })
  })
})

describe('a presigned PUT', () => {
  const presign = (endpoint: string) => {
    const client = new S3Client({
      ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
      credentials: { accessKeyId: KEYS.keyId, secretAccessKey: KEYS.secret },
      requestChecksumCalculation: 'WHEN_REQUIRED',
    })
    const Key = 'given/a b.mp4'
    return Promise.all([
      getSignedUrl(client, new PutObjectCommand({ Bucket: 'bucket', Key }), { expiresIn: 60 }),
      getSignedUrl(client, new GetObjectCommand({ Bucket: 'bucket', Key }), { expiresIn: 60 }),
    ])
  }
  const to = (url: string, timeouts: Partial<Timeouts> = {}) =>
    presignedStorage(url, createGuardedFetch({ isBlocked: () => false }), shortTimeouts(timeouts))

  test('takes the whole file, and the signature is not repeated', async () => {
    await using s3 = await strictS3()
    const [url] = await presign(s3.origin)
    const stored = await to(url).put('j.mp4', media.file('large'), signal())
    expect(stored).toMatchObject({
      ...{ key: 'bucket/given/a b.mp4', bytes: large.length },
      url: `${s3.origin}/bucket/given/a%20b.mp4`,
    })
    expect(s3.objects.get('given/a b.mp4')!.body.equals(large)).toBe(true)
  })
  test.skipIf(!VERSITYGW)('is taken by versitygw', async () => {
    await using gateway = await versitygw()
    const [url, readable] = await presign(gateway.endpoint)
    await to(url).put('j.mp4', media.file('large'), signal())
    const answer = await fetch(readable)
    expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true)
  })
  test.each([{ status: 503 }, 'reset' as const])('is tried again after %j', async (fault) => {
    await using s3 = await strictS3(faulty('put', fault, 2))
    const [url] = await presign(s3.origin)
    await to(url).put('j.mp4', media.file('small'), signal())
    expect(s3.objects.get('given/a b.mp4')!.body.equals(small)).toBe(true)
  })
  test.each([307, 308])('is sent where a %i says that the bucket is', async (status) => {
    await using s3 = await strictS3()
    const [url] = await presign(s3.origin)
    await using front = await webServer((_, response) => {
      response.writeHead(status, { location: url }).end('<Error>elsewhere</Error>')
    })
    const stored = await to(front.url('/bucket/a.mp4?X-Amz-Signature=1')).put(
      ...(['j.mp4', media.file('large'), signal()] as const),
    )
    expect(s3.objects.get('given/a b.mp4')!.body.equals(large)).toBe(true)
    expect(stored.url).toBe(front.url('/bucket/a.mp4'))
  })
  test('does not follow what would make it another request, and not for ever', async () => {
    for (const status of [301, 302, 303, 307]) {
      await using server = await webServer(
        (_, response) => void response.writeHead(status, { location: '/login' }).end(),
      )
      const upload = to(server.url('/a')).put('j.mp4', media.file('small'), signal())
      await expect(upload).rejects.toMatchObject({ code: 'UPLOAD_FAILED', retryable: false })
      expect(server.seen).toHaveLength(status === 307 ? 4 : 1)
    }
  })
  test('to an internal address is refused after a redirect too', async () => {
    await using inside = await webServer((_, response) => void response.end())
    await using outside = await webServer((_, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${inside.port}/` }).end()
    }, '127.0.0.2')
    const fetch = createGuardedFetch({ isBlocked: (address) => address === '127.0.0.1' })
    const storage = presignedStorage(outside.url('/a'), fetch, shortTimeouts())
    const upload = storage.put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toMatchObject({ code: 'BLOCKED_URL' })
    expect(inside.connections()).toBe(0)
  })
  test('to Azure says that it makes a block blob, and to others nothing', async () => {
    await using server = await webServer((_, response) => void response.writeHead(201).end())
    const sas = 'sv=2024-11-04&se=2030-01-01T00%3A00%3A00Z&sr=b&sp=cw&sig=abc%3D'
    for (const query of [sas, 'X-Amz-Signature=1']) {
      await to(server.url(`/c/a.mp4?${query}`)).put('j.mp4', media.file('small'), signal())
    }
    const types = server.seen.map(({ headers }) => headers['x-ms-blob-type'])
    expect(types).toEqual(['BlockBlob', undefined])
  })
  test.each([
    ['/up/caf%E9.mp4', 'up/caf%E9.mp4'],
    ['/up/100%.mp4', 'up/100%.mp4'],
    ['/up/caf%C3%A9%2Fb.mp4', 'up/café/b.mp4'],
  ])('with the path %s is stored as %s', async (path, key) => {
    await using server = await webServer((_, response) => void response.end())
    const stored = await to(server.url(path)).put('j.mp4', media.file('small'), signal())
    expect(stored).toMatchObject({ key, url: server.url(path) })
  })
  test('that has a wrong signature fails for good', async () => {
    await using s3 = await strictS3()
    const [url] = await presign(s3.origin)
    const upload = to(url.replace('given', 'other')).put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toMatchObject({ code: 'UPLOAD_FAILED', retryable: false })
    expect(s3.operations).toHaveLength(1)
  })
  test('says what the store says, also where that is only for now', async () => {
    const cap = 'Transaction cap exceeded, see the Caps & Alerts page to increase your cap.'
    await using capped = await strictS3(
      faulty('put', { status: 403, code: 'AccessDenied', text: cap }),
    )
    const [url] = await presign(capped.origin)
    const upload = to(url).put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toThrow(`403 (AccessDenied): ${cap}`)
    await using slow = await strictS3(faulty('put', { status: 400, code: 'RequestTimeout' }, 1))
    const [other] = await presign(slow.origin)
    await to(other).put('j.mp4', media.file('small'), signal())
    expect(slow.objects.get('given/a b.mp4')!.body.equals(small)).toBe(true)
  })
  test('that hangs is given up, and its request ends', async () => {
    await using s3 = await strictS3(faulty('put', 'hang'))
    const [url] = await presign(s3.origin)
    const upload = to(url, { requestMs: 200 }).put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toMatchObject({ code: 'UPLOAD_FAILED', retryable: true })
    await expect.poll(() => s3.dropped()).toBe(3)
  })
  test('to an internal address is refused, and nothing connects', async () => {
    await using s3 = await strictS3()
    const storage = presignedStorage(s3.url('/bucket/a'), createGuardedFetch(), shortTimeouts())
    const upload = storage.put('j.mp4', media.file('small'), signal())
    await expect(upload).rejects.toMatchObject({
      ...{ code: 'BLOCKED_URL', message: expect.stringMatching(/^output\.url: /) as string },
    })
    expect(s3.connections()).toBe(0)
  })
})
