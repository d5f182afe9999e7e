import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UploadStore, type UploadLimits } from '../../../handler/inputs/upload-store.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { startServer, type Listener } from '../../../runtime/http/server.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

const LIMITS: UploadLimits = {
  ...{ maxBytes: 300_000, maxTotalBytes: 2e6, maxCount: 20, ttlMs: 60_000, stallMs: 30_000 },
}
const PART = 'application/offset+octet-stream'
const FILE = randomBytes(200_000)
const SHA256 = createHash('sha256').update(FILE).digest('hex')

let media: Folder
let uploads: UploadStore
let listener: Listener
let url: string
let http: ReturnType<typeof heldApp>
beforeAll(async () => {
  media = await folder()
  uploads = new UploadStore(media.file('uploads'), LIMITS)
  http = heldApp({
    uploads,
    parse: (payload, id) => parseJob(payload, id, { allowFileInputs: false, uploads }),
  })
  listener = await startServer(http.app, 0, '127.0.0.1')
  url = `http://127.0.0.1:${listener.port}`
})
afterAll(async () => {
  await listener[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

const contentOf = async (id: string, name = `copy-${randomBytes(4).toString('hex')}`) => {
  await uploads.link(`upload:${id}`, media.file(name))
  return readFile(media.file(name))
}
const send = (path: string, method: string, headers: Record<string, string>, body?: Uint8Array) =>
  http.app.request(`http://worker.test${path}`, {
    ...{ method, headers },
    ...(body && { body: body as Uint8Array<ArrayBuffer> }),
  })

describe('one request', () => {
  test('brings a file, which a job then names', async () => {
    const response = await fetch(`${url}/uploads`, { method: 'POST', body: FILE })
    expect(response.status).toBe(201)
    const upload = (await response.json()) as { id: string; url: string }
    expect(upload).toMatchObject({
      ...{ url: `upload:${upload.id}`, bytes: FILE.length, length: FILE.length, complete: true },
      sha256: SHA256,
    })
    expect(response.headers.get('location')).toBe(`/uploads/${upload.id}`)
    expect(await contentOf(upload.id)).toEqual(FILE)
    const job = { video_url: upload.url, audio_url: 'https://a.test/a.wav' }
    expect((await http.post('/jobs', job)).status).toBe(202)
    expect((await http.get(`/uploads/${upload.id}`)).body).toMatchObject({ complete: true })
    expect((await http.del(`/uploads/${upload.id}`)).status).toBe(204)
    expect((await http.get(`/uploads/${upload.id}`)).status).toBe(404)
    const refused = await http.post('/jobs', job)
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'INVALID_JOB' } } })
    expect(refused.body.detail[0].msg).toContain('names an upload that is not here')
  })
  test('brings one in chunks, whose size nobody knows', async () => {
    const body = Readable.toWeb(Readable.from([FILE.subarray(0, 9), FILE.subarray(9)]))
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    const upload = (await (await fetch(`${url}/uploads`, init)).json()) as { id: string }
    expect(await contentOf(upload.id)).toEqual(FILE)
  })
  test('that breaks off leaves nothing', async () => {
    const before = await uploadCount()
    const socket = connect(listener.port, '127.0.0.1')
    socket.write(
      `POST /uploads HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`,
    )
    await until(async () => (await uploadCount()) === before + 1)
    socket.destroy()
    await until(async () => (await uploadCount()) === before)
  })
  test('is refused where it is too large, a form, or nothing', async () => {
    const large = { method: 'POST', body: new Uint8Array(LIMITS.maxBytes + 1) }
    const tooLarge = await fetch(`${url}/uploads`, large)
    expect([tooLarge.status, await tooLarge.json()]).toMatchObject([
      413,
      { error: { code: 'MEDIA_TOO_LARGE' } },
    ])
    const form = await send(
      '/uploads',
      'POST',
      { 'content-type': 'multipart/form-data; boundary=x' },
      FILE,
    )
    expect(form.status).toBe(415)
    expect((await send('/uploads', 'POST', {})).status).toBe(400)
  })
})

describe('tus', () => {
  test('says what it speaks', async () => {
    const { status, headers } = await send('/uploads', 'OPTIONS', {})
    expect([status, headers.get('tus-version'), headers.get('tus-max-size')]).toEqual([
      204,
      '1.0.0',
      '300000',
    ])
    expect(headers.get('tus-extension')?.split(',')).toContain('creation-with-upload')
  })

  test.each([{ uploadDataDuringCreation: false }, { uploadDataDuringCreation: true }])(
    'is what its own client speaks, in parts, with %j',
    async (options) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const upload: Upload = new Upload(FILE, {
        ...{ endpoint: `${url}/uploads`, chunkSize: 64_000, retryDelays: null, ...options },
        ...{ metadata: { filename: 'face.mp4' }, onError: reject },
        onSuccess: () => resolve(upload.url!),
      })
      upload.start()
      const id = (await promise).split('/').pop()!
      expect(await contentOf(id)).toEqual(FILE)
    },
  )

  test('goes on where a client broke off', async () => {
    const first = await send('/uploads', 'POST', { 'upload-length': String(FILE.length) })
    const path = first.headers.get('location')!
    const socket = connect(listener.port, '127.0.0.1')
    const head = `PATCH ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${PART}\r\nUpload-Offset: 0\r\nContent-Length: ${FILE.length}\r\n\r\n`
    socket.write(Buffer.concat([Buffer.from(head), FILE.subarray(0, 50_000)]))
    const id = path.split('/').pop()!
    await until(() => uploads.get(id)?.offset === 50_000)
    // The old connection still hangs when the client asks anew.
    const where = await send(path, 'HEAD', { 'tus-resumable': '1.0.0' })
    expect([where.status, where.headers.get('upload-offset')]).toEqual([200, '50000'])
    expect(where.headers.get('cache-control')).toBe('no-store')
    const rest = await send(
      path,
      'PATCH',
      { 'content-type': PART, 'upload-offset': '50000' },
      FILE.subarray(50_000),
    )
    expect([rest.status, rest.headers.get('upload-offset')]).toEqual([204, String(FILE.length)])
    expect(await contentOf(id)).toEqual(FILE)
    socket.destroy()
  })

  test('refuses by status', async () => {
    const made = await send('/uploads', 'POST', { 'upload-length': '10' })
    const path = made.headers.get('location')!
    const patch = (headers: Record<string, string>, size = 5) =>
      send(
        path,
        'PATCH',
        { 'content-type': PART, 'upload-offset': '0', ...headers },
        FILE.subarray(0, size),
      )
    const statuses = {
      otherOffset: (await patch({ 'upload-offset': '5' })).status,
      noOffset: (await patch({ 'upload-offset': '-1' })).status,
      otherType: (await patch({ 'content-type': 'video/mp4' })).status,
      otherVersion: (await patch({ 'tus-resumable': '0.2.2' })).status,
      moreThanTold: (await patch({}, 11)).status,
      unknown: (await send('/uploads/nobody', 'PATCH', { 'content-type': PART })).status,
      noLength: (await send('/uploads', 'POST', { 'upload-length': '1e3' })).status,
      tooLarge: (await send('/uploads', 'POST', { 'upload-length': '300001' })).status,
    }
    expect(statuses).toEqual({
      ...{ otherOffset: 409, noOffset: 400, otherType: 415, otherVersion: 412, moreThanTold: 413 },
      ...{ unknown: 404, noLength: 400, tooLarge: 413 },
    })
    expect((await patch({ 'tus-resumable': '1.0.0' })).status).toBe(204)
  })

  test('says that there is no room, and when to come back', async () => {
    const full = new UploadStore(media.file('full'), { ...LIMITS, maxCount: 1 })
    const { app } = heldApp({ uploads: full })
    const create = () =>
      app.request('/uploads', { method: 'POST', headers: { 'upload-length': '1' } })
    expect((await create()).status).toBe(201)
    const refused = await create()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
  })
})

describe('media in a job', () => {
  const audio_url = 'https://a.test/a.wav'
  test('wait on disk, under their content', async () => {
    const { body, status } = await http.post('/jobs', {
      audio_url,
      video_base64: FILE.toString('base64'),
    })
    expect(status).toBe(202)
    expect(http.jobs.get(body.id)!.payload).toEqual({ audio_url, video_url: `upload:${SHA256}` })
    expect(await contentOf(SHA256)).toEqual(FILE)
  })
  test('may come to RunPod’s calls, as data: URLs too', async () => {
    const video = `data:video/mp4;base64,${FILE.toString('base64')}`
    const { status, body } = await http.post('/v2/any/run', { input: { video, audio_url } })
    expect(status).toBe(200)
    expect(http.jobs.get(body.id)!.payload).toMatchObject({ video: `upload:${SHA256}` })
  })
  test('are refused with the field where they are not base64', async () => {
    const { status, body } = await http.post('/jobs', { audio_url, video_base64: 'A' })
    expect([status, body.detail[0].loc]).toEqual([422, ['body', 'video_base64']])
  })
  test('are refused where they are too large', async () => {
    const video_base64 = Buffer.alloc(LIMITS.maxBytes + 1).toString('base64')
    expect((await http.post('/jobs', { audio_url, video_base64 })).status).toBe(413)
  })
})

const uploadCount = async () => (await readdir(media.file('uploads'))).length

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve))
}
