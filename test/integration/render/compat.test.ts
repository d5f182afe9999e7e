import { describe, expect, test } from 'vitest'
import { pingPongIndex } from '../../../handler/render/frames/frame-schedule.ts'
import type { Box, Image } from '../../../models/pixels/image.ts'
import { ffmpeg as run, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { type VideoOptions } from '../../helpers/media/media.ts'
import { differing, readRgb } from '../../helpers/media/read-rgb.ts'
import { FACE } from '../../helpers/media/scene.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()

const RGB = ['-c:v', 'libx264rgb', '-preset', 'ultrafast', '-qp', '0']
const video = (name: string, options: VideoOptions = {}) =>
  makeVideo(at.ffmpeg, at.media.file(name), { frames: 6, encode: RGB, ...options })
const boxes = (count: number, box: Box | null = FACE) => Array(count).fill(box)
const CROP: Box = [FACE[0], FACE[1], FACE[2], FACE[3] + 15] // below it no fake mouth reaches

const LOSSLESS = { compat: 'reference', output: { lossless: true } }

/** The source's frames and those of the result, from a job that must keep them apart from faces. */
async function both(file: string, job: Record<string, unknown>) {
  const { result } = await at.render({ video: file, ...job })
  const source = await readRgb(at.ffmpeg, file)
  return { result, source, out: await readRgb(at.ffmpeg, result.output_url) }
}

const sizes = (frames: Image[]) => [...new Set(frames.map((f) => `${f.width}x${f.height}`))]

describe('a lossless result has every pixel of the source but the mouth', () => {
  test.each(
    shortlist(1, [
      ['odd', { width: 195, height: 147 }],
      ['even', { width: 192, height: 144 }],
    ]),
  )('at an %s size', async (name, size) => {
    const file = await video(`${name}.mkv`, size)
    for (const job of shortlist(1, [LOSSLESS, { output: { lossless: true } }])) {
      const face = { boxes: boxes(6) }
      const { out, source } = await both(file, { ...job, face, length: 'shortest' })
      expect(out).toHaveLength(6)
      expect(sizes(out)).toEqual(sizes(source))
      for (const [i, frame] of out.entries()) {
        expect(differing(frame, source[i]!, CROP)).toBe(0)
        expect(differing(frame, source[i]!)).toBeGreaterThan(1000)
      }
    }
  })
  variant('at 23.976 frames a second, to and fro', async () => {
    const file = await video('ntsc.mkv', { fps: '24000/1001' })
    const { result, out, source } = await both(file, { ...LOSSLESS, face: { boxes: boxes(6) } })
    expect(result.fps).toBeCloseTo(23.976, 3)
    expect(out).toHaveLength(23) // the reference counts whole frames per second
    const shown = out.map((_, i) => [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0][i % 12]!)
    for (const [i, frame] of out.entries()) {
      expect(differing(frame, source[shown[i]!]!, CROP)).toBe(0)
    }
  })
  variant('of more frames than are held at once, to and fro', async () => {
    const file = await video('long.mkv', { fps: '24000/1001', frames: 60 })
    const audio = await makeSound(at.ffmpeg, at.media.file('long.wav'), 4)
    const face = { boxes: [FACE, ...boxes(59, null)] }
    const { out, source, result } = await both(file, { ...LOSSLESS, audio, face })
    expect(result.fps).toBeCloseTo(23.976, 3)
    expect(out).toHaveLength(92) // the reference counts whole frames per second
    const changed = out.map((frame, i) => differing(frame, source[pingPongIndex(i, 60)]!))
    expect(changed[0]).toBeGreaterThan(1000)
    expect(changed.slice(1).filter((bytes) => bytes !== 0)).toEqual([])
  })
})

describe('frames without a face', () => {
  test('pass through where the job says so', async () => {
    const file = await video('gap.mkv')
    const given = [null, FACE, null, null, FACE, null]
    const { out, source, result } = await both(file, { ...LOSSLESS, face: { boxes: given } })
    expect(result).toMatchObject({ frames: 25, frames_without_face: 4 })
    for (const [i, frame] of out.entries()) {
      const shown = [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0][i % 12]!
      const changed = differing(frame, source[shown]!)
      if (given[shown]) expect(changed).toBeGreaterThan(1000)
      else expect(changed).toBe(0)
    }
  })
  variant('pass through when no other is shown', async () => {
    const file = await video('late.mkv')
    const audio = await makeSound(at.ffmpeg, at.media.file('short.wav'), 0.12)
    const given = [null, null, null, FACE, FACE, FACE]
    const { out, source } = await both(file, { ...LOSSLESS, audio, face: { boxes: given } })
    expect(out.map((frame, i) => differing(frame, source[i]!))).toEqual([0, 0, 0])
  })
  test('are an error when the job names no other', async () => {
    const file = await video('none.mkv')
    const { error } = await at.fail({ video: file, ...LOSSLESS, face: { boxes: boxes(6, null) } })
    expect(error.code).toBe('NO_FACE')
  })
})

describe('by the rule of the reference a picture is taken as it is stored', () => {
  const FIRST = { ...LOSSLESS, length: 'shortest', face: { boxes: boxes(1) } }

  test('pixels that are not square stay', async () => {
    const file = await video('sar.mkv', { filter: 'setsar=1/2' })
    const face = { boxes: boxes(6) }
    const { result } = await at.render({ video: file, ...LOSSLESS, face, length: 'shortest' })
    expect(result).toMatchObject({ width: 192, height: 144 })
  })
  test('what is transparent has its color', async () => {
    const file = at.media.file('alpha.png')
    const picture = 'color=c=red@0.25:s=200x180,format=rgba'
    await run(at.ffmpeg.path, ['-f', 'lavfi', '-i', picture, '-frames:v', '1', file])
    const { out } = await both(file, FIRST)
    expect(out[0]!.data[0]).toBeGreaterThan(250) // premultiplied it would be 64
  })
  test.each(shortlist(1, [[25, {}] as const, [30, { fps: 30 }] as const]))(
    'a still has %i frames a second with %j',
    async (fps, wish) => {
      const file = await video('still.png', { frames: 1, encode: ['-frames:v', '1'] })
      const face = { boxes: boxes(1) }
      const { result, out, source } = await both(file, { ...LOSSLESS, ...wish, face })
      expect(result).toMatchObject({ fps, frames: fps })
      expect(differing(out.at(-1)!, source[0]!, CROP)).toBe(0)
    },
  )
  test('50 frames a second are refused, as the reference gives up there', async () => {
    const file = await video('fast.mkv', { fps: '50' })
    const { error } = await at.fail({ video: file, ...LOSSLESS, face: { boxes: boxes(6) } })
    expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false })
    expect(error.message).toContain('50 fps')
  })
})
