import { createHash, randomBytes } from 'node:crypto'
import { appendFile, readdir, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CanceledError, WorkerError } from '../../../handler/errors.ts'
import { handle } from '../../../handler/handle.ts'
import type { Render, RenderCall } from '../../../handler/render/render-task.ts'
import { s3Storage } from '../../../handler/storage/s3.ts'
import type { GrowingFile } from '../../../handler/system/growing-file.ts'
import { fakeRender, jobDeps } from '../../helpers/jobs/whole-job.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { folder, makeVideo, type Folder } from '../../helpers/media/media.ts'
import { webServer, type WebServer } from '../../helpers/servers/loopback-server.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { KEYS, strictS3, type Fault, type Operation } from '../../helpers/storage/strict-s3.ts'

const at = await scenario()
const MIB = 2 ** 20
const video = randomBytes(8 * MIB)
const half = video.subarray(0, 5.5 * MIB) // more than a part

let media: Folder
let web: WebServer
beforeEach(async () => {
  media = await folder()
  web = await webServer((_request, response) => void response.end('anything'))
})
afterEach(async () => {
  await web[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

const job = () => ({
  ...{ id: 'a', video_url: web.url('/v'), audio_url: web.url('/a'), output: { stream: true } },
})

/** A store that tells of the first part, and streamed jobs into it. */
async function store(fault: (one: Operation) => Fault | undefined = () => undefined) {
  const partCame = Promise.withResolvers<void>()
  const s3 = await strictS3((one) => {
    if (one.name === 'complete' || one.name === 'put') return fault(one)
    if (one.name === 'part') partCame.resolve()
    return fault(one)
  })
  const storage = s3Storage({
    ...{ endpoint: s3.origin, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: '' },
    ...{ timeouts: shortTimeouts(), partBytes: 5 * MIB },
  })
  return { s3, storage, partCame: partCame.promise }
}

/** A render that writes half of its video, waits, and writes the rest. */
const inHalves = (between: (call: RenderCall, output: string) => PromiseLike<void>): Render =>
  async function (task, call) {
    await writeFile(task.output, half)
    call.onProgress(1, 2)
    await between(call, task.output)
    await appendFile(task.output, video.subarray(half.length))
    return fakeRender(video).render(task, call)
  }

describe('a job whose result is streamed', () => {
  test('is in the store part by part while it is rendered, and found there afterwards', async () => {
    const { s3, storage, partCame } = await store()
    await using _ = s3
    const deps = await jobDeps(
      media,
      inHalves(() => partCame),
      { storage },
    )
    const result = await handle(job(), deps)
    expect(s3.objects.get('a.mp4')!.body.equals(video)).toBe(true)
    expect([result.bytes, s3.uploads.size, await deps.left()]).toEqual([video.length, 0, []])
    expect(await handle(job(), deps)).toMatchObject({ deduplicated: true, sha256: result.sha256 })
    s3.objects.get('a.mp4')!.body[0]! ^= 1 // somebody else's now
    expect((await handle(job(), deps)).deduplicated).toBe(false)
  })

  test('can be watched meanwhile', async () => {
    const watched: Uint8Array[] = []
    let bytes = 0
    let viewer: Promise<void> | undefined
    const seen = Promise.withResolvers<void>()
    const watch = async (file: GrowingFile) => {
      for await (const chunk of file.read(AbortSignal.timeout(300_000))) {
        watched.push(chunk)
        bytes += chunk.length
        if (bytes === half.length) seen.resolve()
      }
    }
    const deps = await jobDeps(
      media,
      inHalves(() => seen.promise),
    )
    await handle(job(), deps, { onVideo: (file) => void (viewer = watch(file)) })
    await viewer
    expect(Buffer.concat(watched).equals(video)).toBe(true)
    expect(await deps.left()).toEqual([])
  })

  test.each([
    ['fails', new WorkerError('BUG', 'the encoder died'), 'BUG'],
    ['is canceled', new CanceledError('CANCELED', 'canceled'), 'CANCELED'],
  ])('leaves no object, no part and no readable end when it %s', async (_how, error, code) => {
    const { s3, storage, partCame } = await store()
    await using _ = s3
    const stop = new AbortController()
    const fail = async () => {
      await partCame
      if (code === 'CANCELED') stop.abort(error)
      throw error
    }
    const deps = await jobDeps(media, inHalves(fail), { storage })
    let viewer: Promise<unknown> | undefined
    const onVideo = (file: GrowingFile) => {
      viewer = Array.fromAsync(file.read(AbortSignal.timeout(300_000)))
      viewer.catch(() => {})
    }
    const running = handle(job(), deps, { signal: stop.signal, onVideo })
    await expect(running).rejects.toMatchObject({ code })
    await expect(viewer).rejects.toThrow('not finished')
    expect([s3.objects.size, s3.uploads.size, await deps.left()]).toEqual([0, 0, []])
  })

  test('leaves nothing in a directory either', async () => {
    const fail = async () => {
      throw new WorkerError('BUG', 'the encoder died')
    }
    const deps = await jobDeps(media, inHalves(fail))
    await expect(handle(job(), deps)).rejects.toMatchObject({ code: 'BUG' })
    expect(await readdir(media.file('results')).catch(() => [])).toEqual([])
  })

  test('is stored as any other where sending it on the way fails', async () => {
    const refused = Promise.withResolvers<void>()
    const { s3, storage } = await store(({ name, before }) => {
      if (name !== 'create' || before > 0) return undefined
      refused.resolve()
      return { status: 403, code: 'AccessDenied' }
    })
    await using _ = s3
    const deps = await jobDeps(
      media,
      inHalves(() => refused.promise),
      { storage },
    )
    await handle(job(), deps)
    expect(s3.objects.get('a.mp4')!.body.equals(video)).toBe(true)
    expect(deps.logged.map(({ event }) => event)).toContain('stream.failed')
  })

  test('is sent whole when its render began anew: two renders are never mixed', async () => {
    const { s3, storage, partCame } = await store()
    await using _ = s3
    const other = randomBytes(7 * MIB)
    const render: Render = async (task, call) => {
      await writeFile(task.output, half)
      call.onProgress(1, 2)
      await partCame
      call.onRestart!()
      return fakeRender(other).render(task, call)
    }
    const shown: GrowingFile[] = []
    const deps = await jobDeps(media, render, { storage })
    await handle(job(), deps, { onVideo: (file) => shown.push(file) })
    expect(s3.objects.get('a.mp4')!.body.equals(other)).toBe(true)
    expect([s3.uploads.size, shown.length]).toEqual([0, 2])
  })
})

test('a fragmented video is the ordinary one for a player, and never written twice', async () => {
  const face = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 60 })
  const run = (output: object, call = {}) =>
    at.run({ video: face, length: 'video', output }, { call })
  const { video: ordinary } = await run({})
  let viewer: Promise<Uint8Array[]> | undefined
  const onVideo = (file: GrowingFile) => {
    viewer = Array.fromAsync(file.read(AbortSignal.timeout(300_000)))
  }
  const { result, video: streamed } = await run({ stream: true }, { onVideo })
  // A reader of fragments gets the 1024 samples too that the sound's encoder was primed with, before 0.
  const primed = 1024 / 48_000
  streamed.times.forEach((time, i) => expect(time - primed).toBeCloseTo(ordinary.times[i]!, 4))
  expect(streamed.audioS - primed).toBeCloseTo(ordinary.audioS, 1)
  expect([streamed.frames, streamed.line]).toEqual([60, expect.stringContaining('h264')])
  const bytes = Buffer.concat(await viewer!)
  expect(bytes.length).toBe(result.bytes)
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(result.sha256)
  expect(bytes.toString('latin1').match(/moof/g)!.length).toBeGreaterThan(3)
})
