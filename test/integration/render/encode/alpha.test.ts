import { expect, test } from 'vitest'
import { createRenderer } from '../../../../handler/render/render.ts'
import { splitRender } from '../../../../handler/render/split/split-render.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'
import {
  CROP,
  drawnCodes,
  ffmpeg,
  makeVideo,
  readVideo,
  shownCodes,
  type VideoOptions,
} from '../../../helpers/media/media.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { variant } from '../../../helpers/shortlist.ts'

const at = await scenario()
const PRORES = ['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le']
/** The left is 10 a frame, the rest opaque. */
const ALPHA = `geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(X,32),10*N,255)'`
const transparent = (name: string, options: VideoOptions = {}) =>
  makeVideo(at.ffmpeg, at.media.file(name), {
    ...{ frames: 12, filter: `format=yuva444p,${ALPHA}`, encode: PRORES },
    ...options,
  })

/** Alpha of each frame at the left and at the right, 0..255. */
async function alphaOf(file: string): Promise<[number, number][]> {
  const gray = ['-vf', 'alphaextract,format=gray', '-f', 'rawvideo', 'pipe:1']
  const { stdout, stderr } = await ffmpeg(at.ffmpeg.path, ['-i', file, ...gray])
  const [, width, height] = (/Video: rawvideo.*?, (\d+)x(\d+)/.exec(stderr) ?? []).map(Number)
  const size = width! * height!
  return Array.from({ length: stdout.length / size }, (_, i) => [
    stdout[i * size + 8 * width! + 8]!,
    stdout[i * size + 8 * width! + width! - 8]!,
  ])
}

test('what is transparent stays so, frame by frame, while the mouth is drawn', async () => {
  const video = await transparent('a.mov')
  const { result, video: made } = await at.run({ video, output: { format: 'mov' } })
  expect(result).toMatchObject({ frames: 25, key: `${result.job_id}.mov` })
  expect(made.line).toMatch(/prores \(4444\).*yuva444p1[02]le/)
  const shown = shownCodes(made)
  expect(shown.slice(0, 14)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 10])
  expect(drawnCodes(made, CROP)).toEqual(shown)
  const [alpha, own] = [await alphaOf(result.output_url), await alphaOf(video)]
  for (const [i, [left, right]] of alpha.entries()) {
    expect(Math.abs(left - own[shown[i]!]![0]), `frame ${i}`).toBeLessThanOrEqual(1)
    expect(right).toBe(255)
  }
})

variant('it does in parts that are joined', async () => {
  const video = await transparent('parts.mov', { frames: 25 })
  const plain = createRenderer(fakeModels(), at.ffmpeg)
  const render = splitRender(plain, { seconds: 0.5, room: () => 2, idle: () => 2 })
  const output = { format: 'mov' }
  const { result, deps, video: made } = await at.run({ video, output }, { deps: { render } })
  expect(deps.logged.some(({ event }) => event === 'split')).toBe(true)
  expect(shownCodes(made)).toEqual(Array.from({ length: 25 }, (_, i) => i))
  const [alpha, own] = [await alphaOf(result.output_url), await alphaOf(video)]
  for (const [i, [left]] of alpha.entries()) {
    expect(Math.abs(left - own[i]![0]), `${left} in frame ${i}`).toBeLessThanOrEqual(1)
  }
})

variant('bars of another shape are transparent', async () => {
  const video = await transparent('b.mov')
  const output = { format: 'mov', fit: 'contain' }
  const { result } = await at.render({ video, aspect_ratio: '1:1', length: 'video', output })
  expect([result.width, result.height]).toEqual([192, 192])
  const [[left, right]] = (await alphaOf(result.output_url)) as [[number, number]]
  expect([left, right]).toEqual([0, 0])
})

test('a transparent still speaks', async () => {
  const filter = `format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,32),70,255)'`
  const video = await transparent('c.png', { frames: 1, filter, encode: ['-frames:v', '1'] })
  const output = { format: 'mov', poster: true }
  const { result } = await at.render({ video, output })
  expect(result.frames).toBe(25)
  const poster = await readVideo(at.ffmpeg, result.poster!.url)
  expect(poster.pixel(0, 8, 8)[0]).toBeLessThan(75) // 70 of 255 of it, over black
  for (const [left, right] of await alphaOf(result.output_url)) {
    expect([Math.abs(left - 70) <= 1, right]).toEqual([true, 255])
  }
})

test('a video without transparency is refused', async () => {
  const video = await makeVideo(at.ffmpeg, at.media.file('opaque.mp4'), { frames: 5 })
  const { error } = await at.fail({ video, output: { format: 'mov' } })
  expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false, stage: 'probe' })
  expect(error.message).toBe(
    'output.format: the video input (h264, yuv420p) has no transparency that could be kept; take mp4 or webm',
  )
})

test('in any other format it lies over black, as before', async () => {
  const video = await transparent('d.mov')
  const { video: made } = await at.run({ video, length: 'video' })
  const first = await readVideo(at.ffmpeg, video)
  expect(made.pixel(0, 8, 8)[0]).toBeLessThan(20)
  expect(first.pixel(0, 8, 8)[0]).toBeGreaterThan(40)
})
