import { describe, expect, test } from 'vitest'
import { ffmpeg as run, H264, LOSSLESS, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { CROP, drawnCodes, shownCodes, type VideoOptions } from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()

const video = (name: string, options: VideoOptions) =>
  makeVideo(at.ffmpeg, at.media.file(name), options)

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

describe('one second of sound gives one second of frames, evenly spaced', () => {
  test.each(
    shortlist(1, [
      ['24000/1001', 23],
      ['60', 60],
      ['12', 12],
      ['30', 30],
      ['15', 15],
      ['24', 24],
      ['25', 25],
      ['30000/1001', 29],
      ['50', 50],
      ['60000/1001', 59],
      ['120', 120],
    ]),
  )('at %s fps', async (fps, expected) => {
    const [num = 1, den = 1] = fps.split('/').map(Number)
    const file = await video('rate.mp4', { fps, frames: expected + 5 })
    const { result, video: out } = await at.run({ video: file })
    expect(result.frames).toBe(expected)
    expect(out.frames).toBe(expected)
    expect(shownCodes(out)).toEqual(numbers(expected))
    expect(drawnCodes(out, CROP)).toEqual(numbers(expected))
    const off = out.times.map((time, i) => Math.abs(time - (i * den) / num))
    expect(Math.max(...off)).toBeLessThan(0.001)
    expect(Math.abs(out.audioS - 1)).toBeLessThan(1.05 * (den / num) + 0.001)
  })
  variant('at the rate that the job asks for', async () => {
    const file = await video('50.mp4', { fps: '50', frames: 60 })
    const { result, video: out } = await at.run({ video: file, fps: 12.5 })
    expect(result).toMatchObject({ fps: 12.5, frames: 12 })
    const apart = shownCodes(out).map((code, i, all) => code - (all[i - 1] ?? code - 4))
    expect(apart).toEqual(apart.map(() => 4))
  })
})

describe('odd clocks do not move the mouth against the sound', () => {
  const same = async (file: string, first = 0) => {
    const { result, video: out } = await at.run({ video: file })
    expect(result.frames).toBe(25)
    expect(shownCodes(out)).toEqual(numbers(25, first))
    expect(drawnCodes(out, CROP)).toEqual(numbers(25, first))
    return result
  }
  test('timestamps that begin at minus one second', async () => {
    const plain = await video('plain.mp4', { frames: 40, encode: [...H264, '-bf', '0'] })
    const file = at.media.file('minus.ts')
    // one second before the 33-bit clock of this container turns over
    const shift = ['-output_ts_offset', '95442.717', '-muxdelay', '0', '-c', 'copy']
    await run(at.ffmpeg.path, ['-i', plain, ...shift, file])
    await same(file)
  })
  variant('timestamps that begin at ten hours', async () => {
    const plain = await video('plain.mp4', { frames: 40 })
    const file = at.media.file('late.ts')
    await run(at.ffmpeg.path, ['-i', plain, '-output_ts_offset', '36000', '-c', 'copy', file])
    await same(file)
  })
  test('a picture that starts after the container does', async () => {
    const plain = await video('plain.mp4', { frames: 40 })
    const file = at.media.file('delayed.mkv')
    const inputs = ['-i', at.voice, '-itsoffset', '0.4', '-i', plain]
    await run(at.ffmpeg.path, [...inputs, '-map', '1:v', '-map', '0:a', '-c', 'copy', file])
    await same(file)
  })
  test('an edit list that cuts the beginning off', async () => {
    const plain = await video('plain.mp4', { frames: 60, encode: [...H264, '-g', '30'] })
    const file = at.media.file('edit.mp4')
    await run(at.ffmpeg.path, ['-ss', '0.4', '-i', plain, '-c', 'copy', file])
    await same(file, 10)
  })
  variant('open groups of pictures with frames out of order', async () => {
    const encode = ['-c:v', 'libx264', '-crf', '8', '-g', '8', '-bf', '3', '-pix_fmt', 'yuv420p']
    const open = ['-x264-params', 'open-gop=1:scenecut=0', '-f', 'mpegts']
    const file = await video('open.ts', { frames: 40, encode: [...encode, ...open] })
    await same(file)
  })
  test('a picture that runs at uneven times is shown at even ones', async () => {
    // frames 0..9 at 25 fps, then each for three times as long
    const filter = "setpts='(if(lt(N,10),N,10+3*(N-10)))/25/TB'"
    const encode = [...LOSSLESS, '-fps_mode', 'passthrough', '-f', 'matroska']
    const file = await video('uneven.mkv', { frames: 30, filter, encode })
    const { result, video: out } = await at.run({ video: file, fps: 25 })
    expect(result.frames).toBe(25)
    const expected = numbers(25).map((i) => (i < 10 ? i : 10 + (i - 10) / 3))
    const off = shownCodes(out).map((code, i) => Math.abs(code - expected[i]!))
    expect(Math.max(...off)).toBeLessThanOrEqual(1)
    expect(drawnCodes(out, CROP)).toEqual(shownCodes(out))
  })
})

describe('length', () => {
  test('audio: the sound decides, a longer video is cut', async () => {
    const file = await video('long.mp4', { frames: 60 })
    const { result, video: out, models } = await at.run({ video: file, length: 'audio' })
    expect(result.frames).toBe(25)
    expect(models.encoded).toBe(25) // frames that are not shown are not looked at
    expect(out.audioS).toBeCloseTo(1, 1)
  })
  variant('video: after the sound the source plays on untouched', async () => {
    const file = await video('long.mp4', { frames: 50 })
    const { result, video: out } = await at.run({ video: file, length: 'video' })
    expect(result.frames).toBe(50)
    expect(shownCodes(out)).toEqual(numbers(50))
    const drawn = drawnCodes(out, CROP)
    expect(drawn.slice(0, 20)).toEqual(numbers(20))
    expect(drawn.slice(25)).toEqual(numbers(25).map(() => undefined))
  })
  variant('video: a shorter video cuts the sound', async () => {
    const file = await video('short.mp4', { frames: 10 })
    const { result, video: out } = await at.run({ video: file, length: 'video' })
    expect(result.frames).toBe(10)
    expect(out.audioS).toBeCloseTo(0.4, 1)
  })
  variant('shortest: whichever ends first', async () => {
    const file = await video('short.mp4', { frames: 10 })
    expect((await at.render({ video: file, length: 'shortest' })).result.frames).toBe(10)
    const long = await video('long.mp4', { frames: 50 })
    const sound = await makeSound(at.ffmpeg, at.media.file('short.wav'), 0.4)
    const { result } = await at.render({ video: long, audio: sound, length: 'shortest' })
    expect(result.frames).toBe(10)
  })
})
