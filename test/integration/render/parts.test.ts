import { describe, expect, test } from 'vitest'
import { H264, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { CROP, drawnCodes, ffmpeg, shownCodes } from '../../helpers/media/media.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'

const at = await scenario()
const video = (name: string, options: Parameters<typeof makeVideo>[2]) =>
  makeVideo(at.ffmpeg, at.media.file(name), options)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** A tone of another height in each second: 300, 400, 500, … Hz. */
const scale = (name: string, seconds: number) =>
  makeSound(
    ...([at.ffmpeg, at.media.file(name), seconds, []] as const),
    `aevalsrc='0.4*sin(2*PI*(300+100*floor(t))*t)':s=48000:d=${seconds}`,
  )

/** The height of what is heard from a time on for a fifth of a second, by its zero crossings, Hz. */
async function pitches(file: string, times: readonly number[]): Promise<number[]> {
  const decode = ['-i', file, '-ac', '1', '-ar', '48000', '-f', 's16le', 'pipe:1']
  const { stdout } = await ffmpeg(at.ffmpeg.path, ['-v', 'error', ...decode])
  const heard = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length >> 1)
  return times.map((from) => {
    const part = heard.subarray(from * 48_000, (from + 0.2) * 48_000)
    let rises = 0
    for (let i = 1; i < part.length; i++) if (part[i - 1]! < 0 && part[i]! >= 0) rises++
    return rises / 0.2
  })
}

describe('trim', () => {
  const files = {
    'an mp4, found by a seek': () => video('t.mp4', { frames: 100, encode: [...H264, '-g', '12'] }),
    'an open group of pictures': () => {
      const x264 = ['-c:v', 'libx264', '-crf', '8', '-g', '8', '-bf', '3', '-pix_fmt', 'yuv420p']
      const open = ['-x264-params', 'open-gop=1:scenecut=0', '-f', 'mpegts']
      return video('t.ts', { frames: 100, encode: [...x264, ...open] })
    },
    'a raw stream': () => video('t.h264', { frames: 100, encode: [...H264, '-f', 'h264'] }),
  }
  test.each(shortlist(2, Object.keys(files) as (keyof typeof files)[]))(
    '%s: to the frame',
    async (kind) => {
      const file = await files[kind]()
      for (const [from, to, expected] of shortlist(1, [
        [1.52, 2.52, range(38, 63)],
        [1.5, 2.5, range(38, 63)],
        [0.04, 1.04, range(1, 26)],
      ] as const)) {
        const { video: out } = await at.run({ video: file, trim: { from, to } })
        expect(shownCodes(out)).toEqual(expected)
        expect(drawnCodes(out, CROP)).toEqual(expected)
      }
    },
  )
  test('what is shorter than the sound plays to its end and back, within its part', async () => {
    const file = await video('t.mp4', { frames: 100 })
    const { video: out } = await at.run({ video: file, trim: { from: 2, to: 2.4 } })
    const there = range(50, 60)
    expect(shownCodes(out)).toEqual([...there, ...there.toReversed(), ...there.slice(0, 5)])
  })
  variant('length "video" is that of the part, and an end past the end is the end', async () => {
    const file = await video('t.mp4', { frames: 100 })
    const job = { video: file, trim: { from: 3, to: 99 }, length: 'video' }
    const { video: out, result } = await at.run(job)
    expect(shownCodes(out)).toEqual(range(75, 100))
    expect(result).toMatchObject({ frames: 25, duration_sec: 1 })
  })
  variant('at another rate than its own', async () => {
    const file = await video('fast.mp4', { frames: 62, fps: '50' })
    const plain = await at.run({ video: file, fps: 25, length: 'video' })
    const { video: out } = await at.run({
      ...{ video: file, fps: 25, length: 'video', trim: { from: 0.6, to: 1.2 } },
    })
    expect(shownCodes(out)).toEqual(shownCodes(plain.video).slice(15, 30))
  })
  test('boxes name the frames of the whole video', async () => {
    const file = await video('t.mp4', { frames: 100 })
    const boxes = range(0, 100).map((i) => (i < 60 ? null : [56, 16, 136, 96]))
    const trim = { from: 2, to: 3 }
    const { video: out, result } = await at.run({ video: file, trim, face: { boxes } })
    expect(result.frames_without_face).toBe(10)
    expect(drawnCodes(out, CROP)).toEqual(range(50, 75).map((i) => (i < 60 ? undefined : i)))
  })
  test('a part that begins past the end is refused', async () => {
    const file = await video('t.mp4', { frames: 25 })
    const { error } = await at.fail({ video: file, trim: { from: 1 } })
    expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false })
    expect(error.message).toContain('trim: begins at 1 s; the video lasts 1.00 s')
  })
  variant('a still has no parts', async () => {
    const still = await video('one.png', { frames: 1, encode: ['-frames:v', '1'] })
    const { result } = await at.render({ video: still, trim: { from: 5, to: 6 } })
    expect(result.frames).toBe(25)
  })
})

describe('speech', () => {
  test('the part is what is heard, and what the mouth is drawn from', async () => {
    const face = await video('t.mp4', { frames: 100 })
    const job = { video: face, audio: await scale('scale.wav', 4), speech: { from: 1, to: 3 } }
    const { result, models } = await at.render(job)
    expect(result).toMatchObject({ frames: 50, duration_sec: 2 })
    const [first, second] = await pitches(result.output_url, [0.3, 1.3])
    expect(first).toBeCloseTo(400, -1.5)
    expect(second).toBeCloseTo(500, -1.5)
    expect(models.codes).toHaveLength(50)
  })
  test('an end past the end is the end; a beginning past it is refused', async () => {
    const face = await video('t.mp4', { frames: 100 })
    const audio = await scale('scale.wav', 4)
    const { result } = await at.render({ video: face, audio, speech: { from: 3.5, to: 9 } })
    expect(result.duration_sec).toBe(0.48)
    const { error } = await at.fail({ video: face, audio, speech: { from: 4 } })
    expect(error.message).toContain('speech: begins at 4 s; the recording lasts 4.00 s')
  })
})
