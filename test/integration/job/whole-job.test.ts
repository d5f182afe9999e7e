import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { handle } from '../../../handler/handle.ts'
import { createRenderer } from '../../../handler/render/render.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { parseWebhookSecrets } from '../../../handler/events/webhook-signature.ts'
import { s3Storage } from '../../../handler/storage/s3.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { folder, makeSound, makeVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'
import { receiver } from '../../helpers/servers/webhook-receiver.ts'
import { KEYS, strictS3 } from '../../helpers/storage/strict-s3.ts'
import { VERSITYGW, versitygw } from '../../helpers/storage/versitygw.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { fakeRender, jobDeps } from '../../helpers/jobs/whole-job.ts'

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const s3At = (endpoint: string) =>
  s3Storage({
    ...{ endpoint, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: 'results' },
    ...{ timeouts: shortTimeouts(), partBytes: 5 * 2 ** 20 },
  })

const strictStore = async () => {
  const { origin, [Symbol.asyncDispose]: dispose } = await strictS3()
  return { endpoint: origin, [Symbol.asyncDispose]: dispose }
}

async function read(endpoint: string, Key: string): Promise<Buffer> {
  const client = new S3Client({
    ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: KEYS.keyId, secretAccessKey: KEYS.secret },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const { Body } = await client.send(new GetObjectCommand({ Bucket: 'bucket', Key }))
  return Buffer.from(await Body!.transformToByteArray())
}

describe.each([
  ['versitygw', versitygw, !VERSITYGW],
  ['a strict S3', strictStore, false],
] as const)('media over HTTP, a real render, %s, a signed webhook', (_, open, absent) => {
  test.skipIf(absent)('the whole job', async () => {
    const ffmpeg = await testFfmpeg()
    await using media = await folder()
    await using store = await open()
    await using hook = await receiver()
    await makeVideo(ffmpeg, media.file('face.mp4'), { frames: 10 })
    await makeSound(ffmpeg, media.file('voice.wav'), 1)
    await using web = await webServer(async (request, response) => {
      const name = new URL(request.url!, 'http://any').pathname.slice(1)
      response.end(await readFile(media.file(name)))
    })
    const fetch = createGuardedFetch({ isBlocked: () => false })
    const deps = await jobDeps(media, createRenderer(fakeModels(), ffmpeg), {
      storage: s3At(store.endpoint),
      webhooks: createWebhookSender({ fetch, keys: parseWebhookSecrets(SECRET)!, intervalMs: 20 }),
    })
    const job = {
      ...{ id: 'whole', metadata: { order: 7 }, webhook: hook.url },
      video_url: web.url('/face.mp4?X-Amz-Signature=signature-of-the-caller'),
      audio_url: web.url('/voice.wav'),
    }

    const result = await handle(job, deps)
    await deps.webhooks.drain(AbortSignal.timeout(300_000))

    expect(result).toMatchObject({
      ...{ job_id: 'whole', status: 'succeeded', frames: 25, deduplicated: false },
      ...{ key: 'results/whole.mp4', metadata: { order: 7 } },
    })
    const object = await read(store.endpoint, 'results/whole.mp4')
    expect(object.length).toBe(result.bytes)
    expect(sha256(object)).toBe(result.sha256)
    const sidecar = await read(store.endpoint, 'results/whole.mp4.json')
    expect(JSON.parse(sidecar.toString())).toMatchObject({
      ...{ job_id: 'whole', result: { frames: 25, sha256: result.sha256 } },
    })

    for (const delivery of hook.deliveries) hook.verify(delivery, SECRET)
    const types = hook.types()
    expect(types[0]).toBe('job.started')
    expect(types.at(-1)).toBe('job.succeeded')
    expect(types.slice(1, -1).every((type) => type === 'job.progress')).toBe(true)
    expect(types.length).toBeGreaterThan(2)
    const events = hook.deliveries.map(({ event }) => event)
    const rising = (values: number[]) => expect(values).toEqual(values.toSorted((a, b) => a - b))
    rising(events.map(({ seq }) => seq))
    rising(events.map(({ progress }) => progress))
    expect(events.at(-1)).toMatchObject({ result, metadata: { order: 7 } })

    expect(await deps.left()).toEqual([])
    expect(deps.logged.every(({ fields }) => fields['job'] === 'whole')).toBe(true)
    const stages = deps.logged.filter(({ event }) => event === 'stage')
    expect(stages.map(({ fields }) => fields['stage'])).toEqual([
      ...['download', 'probe', 'speech', 'avatar', 'generate', 'composite', 'encode'],
      ...['render', 'upload'],
    ])
    const told = JSON.stringify([deps.logged, sidecar.toString()])
    expect(told).not.toMatch(/of-the-test|of-the-caller|of-the-receiver|whsec|X-Amz/)
  })
})

const VIDEO = randomBytes(1000)
const result = randomBytes(12 * 2 ** 20)

/** A place with two inputs on a web server and a result that needs no rendering. */
async function place() {
  const media = await folder()
  const web = await webServer((_, response) => void response.end(VIDEO))
  return {
    ...{ media, web, job: { id: 'j', video: web.url('/v'), audio: web.url('/a') } },
    async [Symbol.asyncDispose]() {
      await web[Symbol.asyncDispose]()
      await media[Symbol.asyncDispose]()
    },
  }
}

describe('the network goes away in the middle of', () => {
  test('the download: DOWNLOAD_FAILED, retryable, nothing left', async () => {
    await using media = await folder()
    const web = await webServer((_, response) => {
      response.writeHead(200, { etag: '"1"', 'content-length': 1e6 })
      response.write(randomBytes(200_000), () => void web[Symbol.asyncDispose]())
    })
    const deps = await jobDeps(media, fakeRender(VIDEO).render)
    const job = { video: web.url('/v'), audio: web.url('/a') }
    await expect(handle(job, deps)).rejects.toMatchObject({
      ...{ code: 'DOWNLOAD_FAILED', stage: 'download', retryable: true },
    })
    expect(await deps.left()).toEqual([])
  })

  test('the render: the next step that needs it fails, retryable, nothing left', async () => {
    await using at = await place()
    const s3 = await strictS3()
    const { render } = fakeRender(result, () => s3[Symbol.asyncDispose]())
    const deps = await jobDeps(at.media, render, { storage: s3At(s3.origin) })
    await expect(handle(at.job, deps)).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', stage: 'upload', retryable: true },
    })
    expect(await deps.left()).toEqual([])
  })

  test('the upload: UPLOAD_FAILED, retryable, nothing left', async () => {
    await using at = await place()
    const s3 = await strictS3(({ name, part }) => {
      if (name === 'part' && part === 2) void s3[Symbol.asyncDispose]()
      return undefined
    })
    const deps = await jobDeps(at.media, fakeRender(result).render, { storage: s3At(s3.origin) })
    await expect(handle(at.job, deps)).rejects.toMatchObject({
      ...{ code: 'UPLOAD_FAILED', stage: 'upload', retryable: true },
    })
    expect(await deps.left()).toEqual([])
  })

  test('writing the side-car: the job has succeeded, because its video is stored', async () => {
    await using at = await place()
    await using s3 = await strictS3(({ key, name }) =>
      name === 'put' && key.endsWith('.json') ? 'reset' : undefined,
    )
    const deps = await jobDeps(at.media, fakeRender(VIDEO).render, { storage: s3At(s3.origin) })
    expect(await handle(at.job, deps)).toMatchObject({ status: 'succeeded' })
    expect(deps.logged.map(({ event }) => event)).toContain('sidecar.failed')
  })

  test('reporting: the job has succeeded, and the log says that nobody heard', async () => {
    await using at = await place()
    const hook = await receiver()
    const { render } = fakeRender(VIDEO, () => hook[Symbol.asyncDispose]())
    const deps = await jobDeps(at.media, render)
    expect(await handle({ ...at.job, webhook: hook.url }, deps)).toMatchObject({ key: 'j.mp4' })
    await deps.webhooks.drain(AbortSignal.timeout(300_000))
    const lost = deps.logged.findLast(({ event }) => event === 'webhook.failed')
    expect(lost!.fields).toMatchObject({ job: 'j', type: 'job.succeeded', tries: 3 })
  })
})

test('a receiver that is slow holds up neither the job nor its result', async () => {
  await using at = await place()
  await using hook = await receiver(() => {})
  const fetch = createGuardedFetch({ isBlocked: () => false })
  const timeouts = shortTimeouts({ headersMs: 120_000 }) // longer than a test may take
  const webhooks = createWebhookSender({ fetch, timeouts })
  const deps = await jobDeps(at.media, fakeRender(VIDEO).render, { webhooks })
  await handle({ ...at.job, webhook: hook.url }, deps)
  await deps.webhooks.drain(AbortSignal.timeout(10))
})

test('an abort during the upload ends the job, and leaves nothing here or there', async () => {
  await using at = await place()
  const stop = new AbortController()
  await using s3 = await strictS3(({ name }) => {
    if (name === 'part') stop.abort()
    return name === 'part' ? 'hang' : undefined
  })
  const deps = await jobDeps(at.media, fakeRender(result).render, { storage: s3At(s3.origin) })
  const events: JobEvent[] = []
  const call = { signal: stop.signal, onEvent: (event: JobEvent) => events.push(event) }
  await expect(handle(at.job, deps, call)).rejects.toMatchObject({ code: 'CANCELED' })
  expect(events.at(-1)).toMatchObject({ type: 'job.canceled', error: { stage: 'upload' } })
  expect(await deps.left()).toEqual([])
  expect(s3.uploads.size).toBe(0)
})

describe('addresses', () => {
  const guarded = async (at: Awaited<ReturnType<typeof place>>) => {
    const fetch = createGuardedFetch({ timeouts: shortTimeouts() })
    const webhooks = createWebhookSender({ fetch, timeouts: shortTimeouts() })
    return jobDeps(at.media, fakeRender(VIDEO).render, { fetch, webhooks })
  }
  test('of inputs that are internal are refused, and nothing connects', async () => {
    await using at = await place()
    const deps = await guarded(at)
    await expect(handle(at.job, deps)).rejects.toMatchObject({
      ...{ code: 'BLOCKED_URL', stage: 'download', retryable: false },
    })
    expect(at.web.connections()).toBe(0)
    expect(await deps.left()).toEqual([])
  })
  test('of a webhook that is internal too, and it is not told', async () => {
    await using at = await place()
    await using hook = await receiver()
    const deps = await guarded(at)
    const job = { ...at.job, video: 'http://1.1.1.1/v', audio: 'http://1.1.1.1/a' }
    await expect(handle({ ...job, webhook: hook.url }, deps)).rejects.toMatchObject({
      ...{ code: 'BLOCKED_URL', message: expect.stringMatching(/^webhook: /) as string },
    })
    await deps.webhooks.drain(AbortSignal.timeout(300_000))
    expect(hook.deliveries).toHaveLength(0)
  })
  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/a', 'data:video/mp4,x', '/etc/passwd'])(
    'that are none: %s is INVALID_JOB',
    async (url) => {
      await using at = await place()
      const deps = await guarded(at)
      const job = { video_url: url, audio_url: url }
      await expect(handle(job, deps)).rejects.toMatchObject({ code: 'INVALID_JOB' })
    },
  )
})

test('a job that cannot be read sends no webhook and writes nothing', async () => {
  await using at = await place()
  await using hook = await receiver()
  const deps = await jobDeps(at.media, fakeRender(VIDEO).render)
  const job = { ...at.job, webhook: hook.url, fps: 'fast' }
  await expect(handle(job, deps)).rejects.toMatchObject({ code: 'INVALID_JOB' })
  await deps.webhooks.drain(AbortSignal.timeout(300_000))
  expect(hook.deliveries).toHaveLength(0)
  expect(deps.logged).toEqual([])
})

test('a scratch folder that cannot be written is a typed error that a webhook hears of', async () => {
  await using at = await place()
  await using hook = await receiver()
  const deps = await jobDeps(at.media, fakeRender(VIDEO).render, { scratch: '/dev/null/scratch' })
  const failed = handle({ ...at.job, webhook: hook.url }, deps)
  await expect(failed).rejects.toMatchObject({ code: 'DISK_FULL', retryable: true })
  await deps.webhooks.drain(AbortSignal.timeout(300_000))
  expect(hook.deliveries.at(-1)!.event).toMatchObject({
    ...{ type: 'job.failed', error: { code: 'DISK_FULL', retryable: true } },
  })
})

describe('the same id again', () => {
  const twice = async (second: object, changeStore = (_: Map<string, { body: Buffer }>) => {}) => {
    await using at = await place()
    await using s3 = await strictS3()
    const fake = fakeRender(VIDEO)
    const deps = await jobDeps(at.media, fake.render, { storage: s3At(s3.origin) })
    const first = await handle({ ...at.job, video: `${at.job.video}?X-Amz-Signature=1` }, deps)
    changeStore(s3.objects)
    const again = handle({ ...at.job, metadata: { run: 2 }, ...second }, deps)
    const outcome = await again.then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    )
    return { first, ...outcome, renders: fake.count(), downloads: at.web.seen.length / 2 }
  }

  test('with the same input is answered from the store, whatever its URL’s signature', async () => {
    const { first, renders, downloads, ...second } = await twice({})
    const { output_url, ...rest } = first
    expect(output_url).toContain('X-Amz-Signature')
    expect(second).toMatchObject({
      result: { ...rest, metadata: { run: 2 }, deduplicated: true },
    })
    expect({ renders, downloads }).toEqual({ renders: 1, downloads: 1 })
  })
  test('with force is rendered again', async () => {
    const { renders, ...second } = await twice({ force: true })
    expect(second).toMatchObject({ result: { deduplicated: false } })
    expect(renders).toBe(2)
  })
  test.each([{ fps: 30 }, { silence: 'source' }, { output: { crf: 20 } }])(
    'with another input is JOB_CONFLICT: %j',
    async (change) => {
      const { renders, ...second } = await twice(change)
      expect(second).toMatchObject({ error: { code: 'JOB_CONFLICT', retryable: false } })
      expect(renders).toBe(1)
    },
  )
  test('is rendered again where the video is not the one that the side-car tells of', async () => {
    const { renders } = await twice({}, (objects) => {
      const object = objects.get('results/j.mp4')!
      object.body = object.body.subarray(1)
    })
    expect(renders).toBe(2)
  })
  test('is rendered again where the side-car is of a version that told jobs apart otherwise', async () => {
    const { renders, ...second } = await twice({}, (objects) => {
      const object = objects.get('results/j.mp4.json')!
      const { input_format: _, ...older } = JSON.parse(object.body.toString()) as object & {
        input_format: number
      }
      object.body = Buffer.from(JSON.stringify({ ...older, input_sha256: '0'.repeat(64) }))
    })
    expect(second).toMatchObject({ result: { deduplicated: false } })
    expect(renders).toBe(2)
  })
  test('is rendered again where the side-car is damaged', async () => {
    const { renders } = await twice({}, (objects) => {
      objects.get('results/j.mp4.json')!.body = Buffer.from('{"job_id":')
    })
    expect(renders).toBe(2)
  })
  test('is rendered where the store cannot be asked', async () => {
    await using at = await place()
    await using s3 = await strictS3(({ name, before }) =>
      name === 'head' && before < 3 ? { status: 503 } : undefined,
    )
    const deps = await jobDeps(at.media, fakeRender(VIDEO).render, { storage: s3At(s3.origin) })
    expect(await handle(at.job, deps)).toMatchObject({ deduplicated: false })
    expect(deps.logged.map(({ event }) => event)).toContain('find.failed')
  })
})
