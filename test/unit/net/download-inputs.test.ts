import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobContext, Transfer } from '../../../handler/job-context.ts'
import { download } from '../../../handler/download-inputs.ts'
import type { JobError } from '../../../handler/errors.ts'
import { createGuardedFetch, type FetchOptions } from '../../../handler/net/guarded-fetch.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import type { Timeouts } from '../../../handler/net/timeouts.ts'
import { badServer } from '../../helpers/servers/faulty-media-server.ts'
import { IMPATIENT, shortTimeouts } from '../../helpers/short-timeouts.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import type { WebServer } from '../../helpers/servers/loopback-server.ts'
import { silentLog } from '../../../handler/log.ts'
import { skipPauses } from '../../helpers/skipped-pauses.ts'

const CONTENT = randomBytes(990_000) // five times what /drops… sends at once
const MAX = 1_000_000
let server: WebServer
let media: Folder
let runs = 0
beforeAll(async () => {
  server = await badServer(CONTENT)
  media = await folder()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

interface Given {
  timeouts?: Partial<Timeouts>
  signal?: AbortSignal
  files?: boolean
  lookup?: FetchOptions['lookup']
  onTransfer?: (transfer: Transfer) => void
  face?: unknown
}

/** Download two inputs as a job does. Whatever happens is over when this returns. */
async function get(video: string, audio = server.url('/good'), given: Given = {}) {
  const timeouts = shortTimeouts(given.timeouts)
  const dir = media.file(`run-${runs++}`)
  const ctx = {
    ...{ dir, timeouts, signal: given.signal ?? AbortSignal.timeout(300_000), log: silentLog },
    fetch: createGuardedFetch({
      ...{ isBlocked: () => false, timeouts },
      ...(given.lookup && { lookup: given.lookup }),
    }),
    limits: { maxInputBytes: MAX },
    ...(given.onTransfer && { onTransfer: given.onTransfer }),
  } as unknown as JobContext
  const job = parseJob(
    { video, audio, ...(given.face !== undefined && { face: given.face }) },
    'j',
    { allowFileInputs: given.files ?? false },
  )
  return { dir, inputs: download(job, ctx) }
}

/** The error of a download that must fail. */
async function failure(path: string, given: Given = {}): Promise<JobError> {
  const { inputs } = await get(server.url(path), undefined, given)
  return inputs.then(
    () => expect.fail('the download succeeded'),
    (error: JobError) => error,
  )
}

async function arrives(path: string) {
  const { inputs } = await get(server.url(path))
  expect((await readFile((await inputs).video)).equals(CONTENT)).toBe(true)
}

const requestsOf = (path: string) => server.seen.filter((one) => one.path === path)

test('each input is told of with its size, whatever the log calls it', async () => {
  const transfers: Transfer[] = []
  const onTransfer = (transfer: Transfer) => void transfers.push(transfer)
  const { inputs } = await get(server.url('/good'), server.url('/chunked'), { onTransfer })
  await inputs
  const one = { direction: 'in', bytes: CONTENT.length, seconds: expect.any(Number) as number }
  expect(transfers).toEqual([one, one])
  expect(Math.min(...transfers.map(({ seconds }) => seconds))).toBeGreaterThan(0)
})

test('what stands in the job itself is written, within the limit', async () => {
  const base64 = CONTENT.toString('base64')
  const { inputs } = await get(`data:video/mp4;base64,${base64}`, server.url('/good'))
  expect(await readFile((await inputs).video)).toEqual(CONTENT)
  const large = Buffer.alloc(MAX + 1).toString('base64')
  const refused = await get(`data:video/mp4;base64,${large}`, server.url('/good'))
  await expect(refused.inputs).rejects.toMatchObject({
    ...{ code: 'MEDIA_TOO_LARGE', message: `video_url: ${MAX + 1} bytes; the limit is ${MAX}` },
  })
})

describe('the content arrives', () => {
  test('of both inputs, beside one another', async () => {
    const { inputs } = await get(server.url('/good'), server.url('/chunked'))
    const { video, voices } = await inputs
    expect((await readFile(video)).equals(CONTENT)).toBe(true)
    expect((await readFile(voices[0]!)).equals(CONTENT)).toBe(true)
  })
  test('asked for as it is, without compression', async () => {
    await arrives('/good')
    expect(requestsOf('/good').at(-1)!.headers['accept-encoding']).toBe('identity')
  })
  test.each([
    '/moved',
    '/moved-twice',
    '/slow-start',
    '/without-end',
    '/by-proxy',
    '/range-unasked',
  ])('as unusual CDNs send it: %s', (path) => arrives(path))
  test('whatever media type the server says it has', () => arrives('/lying-type'))
  test.each([
    ...['aws-chunked', 'utf-8', 'base64', 'IDENTITY', 'identity, aws-chunked', 'none', ''],
    'gzip', // which it is not
  ])('whatever is written in content-encoding: "%s"', (label) =>
    arrives(`/labeled?${encodeURIComponent(label)}`),
  )
  test.each([
    'gzip',
    'GZIP',
    'x-gzip',
    'deflate',
    'raw deflate',
    'br',
    'zstd',
    'gzip, aws-chunked',
  ])('decompressed, from a store that keeps compressed objects: %s', (coding) =>
    arrives(`/compressed?${encodeURIComponent(coding)}`),
  )
  test('decompressed twice, where it was compressed twice', () =>
    arrives(`/compressed?${encodeURIComponent('gzip, br')}`))
  test('compressed, after a connection that was cut: from the start, not by range', async () => {
    await arrives('/compressed-and-cut')
    const ranges = requestsOf('/compressed-and-cut').map(({ headers }) => headers.range)
    expect(ranges).toEqual([undefined, undefined])
  })
  test.each(['utf8', 'latin1', 'ascii'])('from a Location in %s', (spelling) =>
    arrives(`/moved-to-odd-name?${spelling}`),
  )
  test('from a server that drops the connection again and again, resumed by range', async () => {
    await arrives('/drops')
    const requests = requestsOf('/drops')
    expect(requests.length).toBeGreaterThanOrEqual(5) // more than there are tries without progress
    expect(requests.at(-1)!.headers).toMatchObject({ 'if-range': '"v1"' })
    expect(requests.at(-1)!.headers.range).toMatch(/^bytes=\d{6}-$/)
  })
  test('anew, where the answer is another range than asked for', () => arrives('/wrong-range'))
  test('anew, where the file changed and the server sends its rest', () => arrives('/changes'))
  test('anew, where the file changed and the server says so', () => arrives('/changes-properly'))
  test('anew, where the server no longer has the range', () => arrives('/gone-midway'))
  test.each([408, 429, 500, 502, 503, 504])('after two answers with status %i', (status) =>
    arrives(`/status/${status}?times=2`),
  )
})

describe('DOWNLOAD_FAILED, and a retry can help', () => {
  test.each([
    ['a status that passes', '/status/503', 'status 503'],
    ['a connection that is reset', '/resets', 'closed the connection'],
    ['headers without end', '/endless-headers', /in time|without end/],
    ['less than announced', '/says-more', 'closed the connection'],
    ['a server that drops and ignores ranges', '/drops-and-ignores-ranges', 'closed'],
  ])('%s', async (_, path, message) => {
    const error = await failure(path)
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: true })
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^video_url: the server /)
  })
  test.each([
    ['a server that never answers', '/silent', 'did not answer in time'],
    ['one byte now and then', '/slow', 'too slowly'],
  ])('%s', async (_, path, message) => {
    const error = await failure(path, { timeouts: IMPATIENT })
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: true })
    expect(error.message).toContain('video_url: the server')
    expect(error.message).toContain(message)
  })
  test('a server that is not there', async () => {
    const gone = await badServer(CONTENT)
    const url = gone.url('/good')
    await gone[Symbol.asyncDispose]()
    const { inputs } = await get(url)
    await expect(inputs).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: true })
  })
  test('a server that takes longer than any download may', async () => {
    const error = await failure('/slow', { timeouts: { downloadMs: 300, stallBytes: 1 } })
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: true })
    expect(error.message).toContain('longer than 0.3 s')
  })
  test('three tries and not more', async () => {
    await failure('/status/500?times=99')
    expect(requestsOf('/status/500?times=99')).toHaveLength(3)
  })
})

describe('DOWNLOAD_FAILED for good', () => {
  test.each([400, 401, 403, 404, 410])('status %i', async (status) => {
    const error = await failure(`/status/${status}`)
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false })
    expect(error.message).toContain(`status ${status}`)
    expect(requestsOf(`/status/${status}`)).toHaveLength(1)
  })
  test('a refusal that never ends', async () => {
    const error = await failure('/slow-no', { timeouts: IMPATIENT })
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false })
  })
  test('a redirect loop', async () => {
    const error = await failure('/loop')
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false })
    expect(requestsOf('/loop')).toHaveLength(6)
  })
  test('a name that is unknown in every try', async () => {
    const lookup = ((_host: string, _options: object, done: (error: Error) => void) =>
      done(Object.assign(new Error(), { code: 'ENOTFOUND' }))) as unknown as FetchOptions['lookup']
    const { inputs } = await get('http://nowhere.example/v.mp4', undefined, { lookup })
    await expect(inputs).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false })
  })
})

test('a name that was known in one of the tries is not unknown for good', async () => {
  let calls = 0
  const lookup = ((_host: string, _options: object, done: (e: Error | null, a?: object) => void) =>
    calls++ === 1 // the first is a look whether it is an internal one
      ? done(null, [{ address: '127.0.0.1', family: 4 }])
      : done(
          Object.assign(new Error(), { code: 'ENOTFOUND' }),
        )) as unknown as FetchOptions['lookup']
  const { inputs } = await get('http://flaps.example:1/v.mp4', undefined, { lookup })
  await expect(inputs).rejects.toMatchObject({
    ...{ code: 'DOWNLOAD_FAILED', retryable: true },
    message: 'video_url: the server has a host name that cannot be looked up now',
  })
})

describe('MEDIA_UNREADABLE that names what came instead', () => {
  test.each([
    ['a web page', '\ufeff\n<!DOCTYPE html><html><title>Sign in</title></html>'],
    ['a web page', '<!-- saved --><html lang="en">'],
    ['an XML document', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
    ['a JSON text', '{"error": "expired"}'],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:00'],
    ['a PDF', '%PDF-1.7'],
    ['a ZIP archive', 'PK\x03\x04'],
  ])('%s', async (what, text) => {
    const error = await failure(`/text?${encodeURIComponent(text)}`)
    expect(error).toMatchObject({
      ...{ code: 'MEDIA_UNREADABLE', retryable: false },
      message: `video_url: the server sent ${what}, not media; a link to the file itself is needed`,
    })
  })
})

describe('MEDIA_TOO_LARGE', () => {
  test.each(['/endless', '/says-huge', '/gzip-bomb'])('%s', async (path) => {
    const error = await failure(path)
    expect(error).toMatchObject({ code: 'MEDIA_TOO_LARGE', retryable: false })
    expect(error.message).toBe(`video_url: more than the limit of ${MAX} bytes`)
  })
})

test('a length that is too small only cuts the file, which its probe will see', async () => {
  const { inputs } = await get(server.url('/says-less'))
  expect((await stat((await inputs).video)).size).toBe(CONTENT.length >> 1)
})

test('Retry-After is waited for', async () => {
  const pauses = skipPauses(7_000)
  const { inputs } = await get(server.url('/status/503?times=1&after=7'), undefined, {
    timeouts: { download: { tries: 3, firstMs: 1, maxMs: 1_000 } },
  })
  await inputs
  expect(pauses.count).toBe(1)
})

test('when one input fails the other is stopped, and nothing is written any more', async () => {
  const { inputs, dir } = await get(server.url('/slow'), server.url('/status/404'), {
    timeouts: { stallMs: 120_000, downloadMs: 120_000 }, // longer than a test may take
  })
  await expect(inputs).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', retryable: false })
  expect(await readdir(dir)).toContain('video.bin') // begun, and left to the job to remove
})

test('an abort ends the download with its reason', async () => {
  const stop = new AbortController()
  const { inputs } = await get(server.url('/slow'), undefined, { signal: stop.signal })
  setImmediate(() => stop.abort(new Error('enough')))
  await expect(inputs).rejects.toThrow('enough')
})

describe('all addresses of a job are looked at before one is connected to', () => {
  test.each(['video', 'audio', 'webhook', 'output'])('%s', async (which) => {
    const before = server.connections()
    const bad = 'http://10.0.0.1/a'
    const job = parseJob(
      {
        ...{ video: server.url('/good'), audio: server.url('/good') },
        ...(which === 'output' ? { output: { url: bad } } : { [which]: bad }),
      },
      'j',
      { allowFileInputs: false },
    )
    const dir = media.file('blocked')
    const ctx = {
      ...{ dir, timeouts: shortTimeouts(), signal: AbortSignal.timeout(300_000), log: silentLog },
      fetch: createGuardedFetch({ isBlocked: (address) => address === '10.0.0.1' }),
      limits: { maxInputBytes: MAX },
    } as unknown as JobContext
    await expect(download(job, ctx)).rejects.toMatchObject({
      code: 'BLOCKED_URL',
      message: expect.stringContaining(which) as string,
    })
    expect(server.connections()).toBe(before)
    expect(existsSync(dir)).toBe(false)
  })
})

test('local files are linked where they are allowed, and have the same limit', async () => {
  const small = media.file('small.bin')
  const large = media.file('large.bin')
  await writeFile(small, CONTENT)
  await writeFile(large, Buffer.alloc(MAX + 1))
  const { inputs } = await get(small, `file://${small}`, { files: true })
  expect((await readFile((await inputs).voices[0]!)).equals(CONTENT)).toBe(true)
  const tooLarge = await get(large, small, { files: true })
  await expect(tooLarge.inputs).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' })
  await mkdir(media.file('a-folder'))
  const none = await get(media.file('a-folder'), small, { files: true })
  await expect(none.inputs).rejects.toMatchObject({ code: 'MEDIA_UNREADABLE' })
})

describe('boxes that lie elsewhere', () => {
  const listOf = (boxes: unknown) => ({
    face: { boxes_url: `data:application/json;base64,${btoa(JSON.stringify(boxes))}` },
  })
  const list = [[0, 0, 9, 9], null]
  test.each([[list], [{ boxes: list }]])('are read from %j', async (said) => {
    const { inputs } = await get(server.url('/good'), undefined, listOf(said))
    expect((await inputs).faces).toEqual([{ boxes: list }])
  })
  test.each([
    [[], 'face.boxes_url: Invalid length'],
    [[null, [0, 0, 9]], 'face.boxes_url: entry 1: '],
    [[[9, 0, 0, 9]], 'face.boxes_url: entry 0: must be [x1, y1, x2, y2] with x2 > x1'],
    [{ boxes: 'none' }, 'face.boxes_url: Invalid type'],
    [3, 'face.boxes_url: Invalid type'],
  ])('%j is refused', async (said, message) => {
    const { inputs } = await get(server.url('/good'), undefined, listOf(said))
    const expected = { code: 'INVALID_JOB', message: expect.stringContaining(message) as string }
    await expect(inputs).rejects.toMatchObject(expected)
  })
  test('that are no JSON are refused', async () => {
    const face = { boxes_url: server.url('/good') }
    const { inputs } = await get(server.url('/good'), undefined, { face })
    await expect(inputs).rejects.toMatchObject({
      code: 'INVALID_JOB',
      message: expect.stringContaining('face.boxes_url: is not JSON') as string,
    })
  })
})
