import { describe, expect, test } from 'vitest'
import { H264, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { CROP, drawnCodes, shownCodes } from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shownIndex, type PlayMode } from '../../../handler/render/frames/frame-schedule.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()
const FPS = 12
const encode = [...H264, '-g', '6']
const videoOf = (frames: number) =>
  makeVideo(at.ffmpeg, at.media.file(`v${frames}.mp4`), { fps: String(FPS), frames, encode })
const soundOf = (seconds: number) => makeSound(at.ffmpeg, at.media.file(`a${seconds}.wav`), seconds)

const schedule = (mode: PlayMode, count: number, total: number) =>
  Array.from({ length: total }, (_, i) => shownIndex(mode, i, count, total))

/** Every frame of a result is the one that the schedule says, and its mouth was made of it. */
async function expectScheduled(mode: 'loop' | 'remap', frames: number, seconds: number) {
  const { shown, drawn, result } = await render(frames, seconds, mode)
  const expected = schedule(mode, frames, FPS * seconds)
  expect(shown).toEqual(expected)
  expect(drawn).toEqual(expected)
  expect(result).toMatchObject({ frames: FPS * seconds, duration_sec: seconds })
}

/** Which source frames are shown, and of which ones the mouths were made. */
async function render(frames: number, seconds: number, length: string) {
  const [video, audio] = [await videoOf(frames), await soundOf(seconds)]
  const run = await at.run({ video, audio, length })
  return { ...run, shown: shownCodes(run.video), drawn: drawnCodes(run.video, CROP) }
}

describe('loop', () => {
  test.each(
    shortlist(1, [
      ['one that is decoded anew each time', 30, 5],
      ['a clip that stays in memory', 7, 2],
      ['one that is longer than the sound', 30, 1],
    ]),
  )('%s starts again', async (_, frames, seconds) => {
    await expectScheduled('loop', frames, seconds)
  })
})

test('a soft cut mixes the last picture into the first ones, mouths and all', async () => {
  const [video, audio] = [await videoOf(20), await soundOf(2)]
  const job = { video, audio, length: 'loop', output: { lossless: true } }
  const hard = await at.run({ ...job, id: 'hard' })
  const soft = await at.run({ ...job, id: 'soft', loop_cut: 'soft' })
  const [a, b] = [hard.video.data, soft.video.data]
  const size = a.length / 24
  const off = Array.from({ length: 24 }, () => 0)
  for (let i = 0; i < a.length; i++) {
    const frame = Math.floor(i / size)
    const mixed = [2 / 3, 1 / 3][frame - 20] ?? 0 // a fade of 2.4 frames is one of two
    const expected = a[i]! + mixed * (a[19 * size + (i % size)]! - a[i]!)
    off[frame] = Math.max(off[frame]!, Math.abs(b[i]! - expected))
  }
  expect(off.slice(0, 20)).toEqual(off.slice(0, 20).map(() => 0))
  expect(Math.max(...off)).toBeLessThan(3) // of two conversions from RGB
  expect(b.equals(a)).toBe(false)
})

describe('remap', () => {
  test.each(
    shortlist(1, [
      ['twice its speed', 24, 1],
      ['a little slower', 20, 2],
      ['half its speed', 12, 2],
    ]),
  )('plays a video at %s', async (_, frames, seconds) => {
    await expectScheduled('remap', frames, seconds)
  })
  test.each(
    shortlist(1, [
      ['slower than half', 11, 2, 'at 0.46 times its speed; 0.5 to 2 are possible'],
      ['faster than twice', 25, 1, 'at more than 2 times its speed'],
    ]),
  )('%s is refused', async (_, frames, seconds, message) => {
    const [video, audio] = [await videoOf(frames), await soundOf(seconds)]
    const { error } = await at.fail({ video, audio, length: 'remap' })
    expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false })
    expect(error.message).toContain(message)
  })
})

describe('longest', () => {
  variant('goes on with the picture, back and forth, where the sound is longer', async () => {
    const { shown } = await render(15, 2, 'longest')
    expect(shown).toEqual(schedule('bounce', 15, 24))
  })
  test('goes on with the untouched video, silent, where that is longer', async () => {
    const { shown, drawn, result } = await render(24, 1, 'longest')
    expect(shown).toEqual(schedule('bounce', 24, 24))
    expect(result.frames).toBe(24)
    expect(drawn.slice(0, 8)).toEqual(schedule('bounce', 24, 8))
  })
})
