import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { s3Storage } from '../../../handler/storage/s3.ts'
import { badServer } from '../../helpers/servers/faulty-media-server.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'
import { CROP, drawnCodes, makeVideo, shownCodes } from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { FACE } from '../../helpers/media/scene.ts'
import { KEYS, strictS3 } from '../../helpers/storage/strict-s3.ts'
import { shortlist } from '../../helpers/shortlist.ts'

// What happened to the legacy worker with media and storage; see sources/legacy-regressions.test.ts for the rest.

const at = await scenario()

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const soon = () => AbortSignal.timeout(300_000)
const open = ({ origin }: { origin: string }, uploadMs = 20_000) =>
  s3Storage({
    ...{ endpoint: origin, region: 'us-east-1', bucket: 'bucket', ...KEYS, prefix: '' },
    timeouts: shortTimeouts({ uploadMs }),
  })

test('7. a missing file, a folder, an empty or a cut file was uploaded: none of them is', async () => {
  await using s3 = await strictS3()
  const storage = open(s3)
  const [dir, empty, video] = ['folder', 'empty.mp4', 'whole.mp4'].map((name) =>
    at.media.file(name),
  )
  await mkdir(dir!)
  await writeFile(empty!, '')
  for (const path of [at.media.file('nowhere.mp4'), dir!, empty!]) {
    await expect(storage.put('a.mp4', path, soon())).rejects.toThrow()
  }
  expect(s3.objects.size).toBe(0)
  const bytes = randomBytes(300_000)
  await writeFile(video!, bytes)
  await using shortened = await strictS3(({ name }) => {
    const object = shortened.objects.get('a.mp4')
    if (name === 'head' && object) object.body = object.body.subarray(0, 1000)
    return undefined
  })
  await expect(open(shortened).put('a.mp4', video!, soon())).rejects.toMatchObject({
    ...{ code: 'UPLOAD_FAILED', retryable: true },
  })
})

test('8. an upload hung for ever: its limit ends the request too', async () => {
  await using s3 = await strictS3(() => 'hang')
  const file = at.media.file('hangs.mp4')
  await writeFile(file, randomBytes(100_000))
  await expect(open(s3, 2000).put('a.mp4', file, soon())).rejects.toMatchObject({
    ...{ code: 'UPLOAD_FAILED', retryable: true },
  })
  await expect.poll(() => s3.dropped()).toBe(1)
})

test('15. an unusual CDN broke the download: whatever it does, the bytes arrive', async () => {
  const video = await makeVideo(at.ffmpeg, at.media.file('cdn.mp4'), { frames: 25 })
  await using server = await badServer(await readFile(video))
  const timeouts = shortTimeouts()
  const deps = {
    timeouts,
    fetch: createGuardedFetch({ isBlocked: () => false, timeouts }),
    allowFileInputs: true,
  }
  // No length, redirects, a slow start, ranges that are ignored, a type that is not a video's.
  const paths = ['/without-end', '/moved-twice', '/slow-start', '/lying-type', '/chunked']
  for (const path of shortlist(1, paths)) {
    const { result } = await at.render({ video: server.url(path) }, { deps })
    expect(result.frames).toBe(25)
  }
})

test.each(
  shortlist(1, [
    ['30000/1001', 58],
    ['60', 120],
    ['24000/1001', 46],
    ['15', 30],
    ['50', 100],
  ]),
)(
  '16. sound and mouth drifted apart at %s fps: each frame has its own sound',
  async (fps, frames) => {
    const file = await makeVideo(at.ffmpeg, at.media.file('rate.mp4'), { fps, frames })
    const { result, video } = await at.run({ video: file, length: 'shortest' })
    const count = result.frames
    expect(Math.abs(count / result.fps - 1)).toBeLessThan(1 / result.fps)
    expect(drawnCodes(video, CROP)).toEqual(numbers(count))
    expect(Math.abs(video.audioS - count / result.fps)).toBeLessThan(0.05)
  },
)

test('17. frames without a face shifted all later ones: each keeps its number', async () => {
  const faces = (i: number) => (i < 13 ? [] : [FACE])
  const file = await makeVideo(at.ffmpeg, at.media.file('late.mp4'), { frames: 25, faces })
  const { result, video } = await at.run({ video: file, output: { crf: 10 } })
  expect(result.frames_without_face).toBe(13)
  expect(shownCodes(video)).toEqual(numbers(25))
  expect(drawnCodes(video, CROP).slice(18)).toEqual(numbers(25).slice(18))
})

test('18. a machine whose NVENC is missing or used up failed the job: it is encoded without', async () => {
  const file = await makeVideo(at.ffmpeg, at.media.file('nvenc.mp4'), { frames: 25 })
  // The build of ffmpeg knows NVENC, so it looked fine when the worker started.
  const ffmpeg = { ...at.ffmpeg, nvenc: true }
  const { result, deps } = await at.render({ video: file }, { ffmpeg })
  expect(result.frames).toBe(25)
  expect(deps.logged.map(({ event }) => event)).toContain('nvenc.unavailable')
})
