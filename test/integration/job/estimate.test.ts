import { describe, expect, test } from 'vitest'
import { estimate, type Estimate, type JobSize } from '../../../handler/estimate.ts'
import { createEstimator } from '../../../handler/render/estimate-render.ts'
import { testDeps } from '../../helpers/jobs/deps.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist } from '../../helpers/shortlist.ts'
import { makeSound, makeVideo } from '../../helpers/media/media.ts'
import { FACE } from '../../helpers/media/scene.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'

const at = await scenario()
const short = await makeVideo(at.ffmpeg, at.media.file('short.mp4'), { frames: 15 })
const long = await makeVideo(at.ffmpeg, at.media.file('long.mp4'), { frames: 60 })
const still = await makeVideo(at.ffmpeg, at.media.file('a.png'), {
  ...{ frames: 1, encode: ['-frames:v', '1'] },
})
const nobody = await makeVideo(at.ffmpeg, at.media.file('b.png'), {
  ...{ frames: 1, encode: ['-frames:v', '1'], faces: () => [] },
})
const raw = await makeVideo(at.ffmpeg, at.media.file('raw.h264'), { frames: 30 })
const half = await makeSound(at.ffmpeg, at.media.file('half.mp3'), 0.5)

async function estimated(job: Record<string, unknown>, seconds?: (job: JobSize) => number) {
  const models = fakeModels()
  const deps = await testDeps(at.media, at.ffmpeg, models)
  const own = {
    ...{ ...deps, estimate: createEstimator(models, at.ffmpeg) },
    expectSeconds: (size: JobSize) => seconds?.(size),
  }
  const found = await estimate({ audio: at.voice, ...job }, own)
  expect(await deps.left()).toEqual([])
  expect([models.runs.listen, models.runs.encode, models.runs.generate]).toEqual([0, 0, 0])
  return found
}
const accepted = async (job: Record<string, unknown>) => {
  const found = await estimated(job)
  if ('refused' in found) throw new Error(JSON.stringify(found))
  return found
}

const CONTAIN = { resolution: '320x480', output: { fit: 'contain' } }

const SIZED: readonly [string, Record<string, unknown>][] = [
  ['a file that does not tell its length', { video: raw, length: 'video' }],
  [
    'a part, at another rate',
    { video: long, trim: { from: 0.5, to: 1.7 }, fps: 30, length: 'video' },
  ],
  ['segments, in another size', { video: long, segments: [{ from: 0.2, to: 0.8 }], ...CONTAIN }],
  ['a still', { video: still }],
  ['a video that is shorter than the sound', { video: short }],
  ['as the longer', { video: long, length: 'longest' }],
  ['a recording whose file is rounded', { video: long, audio: half }],
]
test.each(shortlist(1, SIZED))(
  '%s: the frames and the size are those of the render',
  async (_, job) => {
    const found = await accepted(job)
    const { result } = await at.render(job)
    const { width, height, fps, frames, duration_sec, bundle } = result
    expect(found).toMatchObject({ width, height, fps, frames, duration_sec, bundle })
  },
)

describe('faces', () => {
  test('are those of the first second, each once, the largest first', async () => {
    const other: Box = [300, 16, 372, 88]
    const faces = (i: number) => (i >= 12 ? [FACE, other] : [FACE])
    const file = at.media.file('two.mp4')
    const video = await makeVideo(at.ffmpeg, file, { width: 480, frames: 50, faces })
    const { faces: seen } = await accepted({ video })
    expect(seen.map(({ frame }) => frame)).toEqual([0, 12])
    expect(seen.every(({ confidence }) => confidence > 0.5)).toBe(true)
    const { result } = await at.render({ video })
    expect(seen[0]).toMatchObject({ box: result.face!.box, frame: result.face!.frame })
  })

  test('are none where somebody comes later: the render may find them', async () => {
    const faces = (i: number) => (i > 40 ? [FACE] : [])
    const video = await makeVideo(at.ffmpeg, at.media.file('late.mp4'), { frames: 60, faces })
    expect((await accepted({ video, length: 'video' })).faces).toEqual([])
  })
})

describe('what the render would refuse is refused', () => {
  const refused: readonly [string, Record<string, unknown>][] = [
    ['a still without a face', { video: nobody }],
    ['a video that is too long for the sound', { video: long, audio: half, length: 'remap' }],
    ['sound that is no sound', { video: long, audio: still }],
    ['a file that is not there', { video: '/nowhere.mp4' }],
    ['a segment after the end', { video: short, segments: [{ from: 3, to: 4 }] }],
    ['nobody at a point', { video: long, face: { at: [1, 1] } }],
  ]
  test.each(shortlist(1, refused))('%s', async (_, job) => {
    const { error } = await at.fail(job)
    const { code, message } = error
    expect(await estimated(job)).toEqual({
      refused: expect.objectContaining({ code, message }) as object,
    })
  })

  test('but what is no job at all is no estimate', async () => {
    await expect(estimated({})).rejects.toMatchObject({ code: 'INVALID_JOB' })
  })
})

test('the seconds are those of such jobs here, and of the download', async () => {
  const sizes: JobSize[] = []
  const found = await estimated({ video: still }, (size) => {
    sizes.push(size)
    return 12.34
  })
  expect(sizes).toEqual([expect.objectContaining({ frames: 25, width: widthOf(found) })])
  expect((found as { expected_sec: number }).expected_sec).toBeGreaterThanOrEqual(12.3)
  expect(await estimated({ video: still })).toMatchObject({ expected_sec: null })
})

const widthOf = (found: Estimate) => ('refused' in found ? 0 : found.width)
