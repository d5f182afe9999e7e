import { beforeAll, describe, expect, test } from 'vitest'
import { ffmpeg, H264, makeVideo } from '../../helpers/media/media.ts'
import { CROP, drawnCodes, shownCodes } from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { shortlist } from '../../helpers/shortlist.ts'

const at = await scenario()
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const LEFT: Box = [8, 16, 88, 96]
const RIGHT: Box = [104, 16, 184, 96]
let [video, two, low, high] = ['', '', '', '']

const tone = async (name: string, hz: number, seconds: number) => {
  const source = `aevalsrc='0.3*sin(2*PI*${hz}*t)':s=48000:d=${seconds}`
  await ffmpeg(at.ffmpeg.path, ['-v', 'error', '-f', 'lavfi', '-i', source, at.media.file(name)])
  return at.media.file(name)
}

/** Fifty numbered frames with a tone of 1000 Hz of their own; the same with two faces; two recordings. */
beforeAll(async () => {
  const own = await tone('own.wav', 1000, 2)
  const encode = ['-i', own, ...H264, '-c:a', 'flac', '-strict', '-2']
  const make = (name: string, faces: Box[]) =>
    makeVideo(at.ffmpeg, at.media.file(name), { frames: 50, faces: () => faces, encode })
  video = await makeVideo(at.ffmpeg, at.media.file('one.mkv'), { frames: 50, encode })
  two = await make('two.mkv', [LEFT, RIGHT])
  low = await tone('low.wav', 300, 1)
  high = await tone('high.wav', 600, 2)
})

/** How loud each tone is in a tenth of a second from a time on, as a share of how loud it was made. */
async function levels(file: string, ...times: number[]): Promise<Record<number, number>[]> {
  const decode = ['-i', file, '-af', 'pan=mono|c0=c0', '-ar', '48000', '-f', 'f32le', 'pipe:1']
  const { stdout } = await ffmpeg(at.ffmpeg.path, ['-v', 'error', ...decode])
  const heard = new Float32Array(Uint8Array.from(stdout).buffer)
  return times.map((from) => {
    const part = heard.subarray(Math.round(from * 48_000), Math.round((from + 0.1) * 48_000))
    const level = (hz: number) => {
      let [re, im] = [0, 0]
      part.forEach((value, i) => {
        re += value * Math.cos((2 * Math.PI * hz * i) / 48_000)
        im += value * Math.sin((2 * Math.PI * hz * i) / 48_000)
      })
      return Math.round(((2 * Math.hypot(re, im)) / part.length / 0.3) * 20) / 20
    }
    return { 300: level(300), 600: level(600), 1000: level(1000) }
  })
}

const OWN = { 300: 0, 600: 0, 1000: 1 }

describe('segments', () => {
  test('only they speak; all else is the source, with its own sound', async () => {
    const segments = [
      { from: 1.2, to: 1.6, audio: high, speech: { from: 0.5 } },
      { from: 0.4, to: 0.8, audio: low },
    ]
    const { video: out, result } = await at.run({ video, audio: undefined, segments })
    expect(result.frames).toBe(50)
    expect(shownCodes(out)).toEqual(range(0, 50))
    const drawn = drawnCodes(out, CROP)
    for (const i of [...range(0, 10), ...range(20, 30), ...range(40, 50)]) {
      expect(drawn[i], `frame ${i}`).toBeUndefined()
    }
    for (const i of [...range(13, 16), ...range(33, 36)]) expect(drawn[i]).toBe(i)
    expect(await levels(result.output_url, 0.2, 0.55, 0.95, 1.35, 1.75)).toEqual([
      OWN,
      { 300: 1, 600: 0, 1000: 0 },
      OWN,
      { 300: 0, 600: 1, 1000: 0 },
      OWN,
    ])
  })
  test('their own recording is that of the job where they name none; the source is kept under it', async () => {
    const segments = [{ from: 0.5, to: 9 }]
    const { result } = await at.render({ video, audio: high, segments, sound: { keep_db: -6 } })
    const mixed = { 300: 0, 600: 1, 1000: 0.5 }
    expect(await levels(result.output_url, 0.1, 1.2)).toEqual([OWN, mixed])
  })
  test('one that begins after the end is refused', async () => {
    const { error } = await at.fail({ video, audio: low, segments: [{ from: 2, to: 3 }] })
    expect(error.message).toContain('segments: one begins at 2 s; the result ends after 2.00 s')
  })
})

describe('faces', () => {
  test('two speak at once, each from a recording of its own', async () => {
    const faces = [
      { box: LEFT, audio: low },
      { at: [144, 50], audio: high },
    ]
    const { video: out, result, models } = await at.run({ video: two, audio: undefined, faces })
    expect(result.frames).toBe(50)
    const crop = ([x1, y1, x2, y2]: Box): Box => [x1, y1, x2, y2 + 10]
    expect(drawnCodes(out, crop(LEFT)).slice(0, 20)).toEqual(range(0, 20))
    expect(drawnCodes(out, crop(LEFT)).slice(26)).toEqual(Array(24).fill(undefined))
    expect(drawnCodes(out, crop(RIGHT))).toEqual(range(0, 50))
    expect(models.codes.length).toBe(75)
    expect(await levels(result.output_url, 0.5, 1.5)).toEqual([
      { 300: 1, 600: 1, 1000: 0 },
      { 300: 0, 600: 1, 1000: 0 },
    ])
  })
})

test('the source’s own sound, kept, is as loud as it was and not later', async () => {
  const { result } = await at.render({ video, audio: low, length: 'video', sound: 'keep' })
  const mixed = { 300: 1, 600: 0, 1000: 0.25 }
  expect(await levels(result.output_url, 0.5, 1.5)).toEqual([mixed, OWN])
})

test.each(shortlist(1, [-16, -30]))('a loudness of %s LUFS', async (loudness) => {
  const { result } = await at.render({ video, audio: high, loudness })
  const measure = ['-i', result.output_url, '-af', 'ebur128=framelog=verbose', '-f', 'null', '-']
  const { stderr } = await ffmpeg(at.ffmpeg.path, measure)
  expect(Number(/.*I:\s+(-[\d.]+) LUFS/s.exec(stderr)![1])).toBeCloseTo(loudness, 0)
  expect(await levels(result.output_url, 1)).toMatchObject([{ 300: 0, 1000: 0 }])
})
