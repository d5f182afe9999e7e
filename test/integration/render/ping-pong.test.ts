import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { ffmpeg as run, H264, LOSSLESS, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { CROP, drawnCodes, shownCodes, type VideoOptions } from '../../helpers/media/media.ts'
import { scenario, type Given } from '../../helpers/jobs/scenario.ts'
import { variant } from '../../helpers/shortlist.ts'

const at = await scenario()

const video = (name: string, options: VideoOptions) =>
  makeVideo(at.ffmpeg, at.media.file(name), options)

/** 0..n-1, n-1..0, 0..: both ends twice. */
function turns(count: number, total: number): number[] {
  const there = Array.from({ length: count }, (_, i) => i)
  const around = [...there, ...there.toReversed()]
  return Array.from({ length: total }, (_, i) => around[i % around.length]!)
}

/** @param fps of the file */
async function plays(file: string, count: number, seconds: number, given: Given = {}, fps = 12) {
  const audio = await makeSound(at.ffmpeg, at.media.file('long.wav'), seconds)
  const { video: out, deps } = await at.run({ video: file, audio }, given)
  const expected = turns(count, fps * seconds)
  expect(shownCodes(out)).toEqual(expected)
  expect(drawnCodes(out, CROP)).toEqual(expected)
  return deps.logged.filter(({ event }) => event === 'seek.inexact').length
}

describe('a video shorter than the sound plays to its end and back', () => {
  test('several times, every mouth made from the frame it is laid on', async () => {
    const file = await video('short.mp4', { fps: '12', frames: 7 })
    expect(await plays(file, 7, 3)).toBe(0)
  })
  test('backwards in chunks of two seconds, found by seeking', async () => {
    const file = await video('chunks.mp4', { fps: '12', frames: 50, encode: [...H264, '-g', '6'] })
    expect(await plays(file, 50, 8)).toBe(0)
  })
  variant('a single frame', async () => {
    const file = await video('one.mkv', { frames: 1, encode: [...LOSSLESS] })
    await plays(file, 1, 1, {}, 25)
  })
})

describe('files that do not seek to the frame that is asked for', () => {
  variant('timestamps that start below zero', async () => {
    const plain = await video('plain.mp4', { fps: '12', frames: 34, encode: [...H264, '-bf', '0'] })
    const file = at.media.file('minus.ts')
    const shift = ['-output_ts_offset', '95442.717', '-muxdelay', '0', '-c', 'copy']
    await run(at.ffmpeg.path, ['-i', plain, ...shift, file])
    await plays(file, 34, 6)
  })
  variant('an edit list and frames out of order', async () => {
    const encode = ['-c:v', 'libx264', '-crf', '8', '-bf', '3', '-pix_fmt', 'yuv420p']
    const file = await video('order.mp4', { fps: '12', frames: 34, encode })
    await plays(file, 34, 6)
  })
  variant('open groups of pictures in a transport stream', async () => {
    const encode = ['-c:v', 'libx264', '-crf', '8', '-g', '8', '-bf', '3', '-pix_fmt', 'yuv420p']
    const open = ['-x264-params', 'open-gop=1:scenecut=0', '-f', 'mpegts']
    const file = await video('open.ts', { fps: '12', frames: 34, encode: [...encode, ...open] })
    await plays(file, 34, 6)
  })
  variant('a raw stream without an index', async () => {
    const file = await video('raw.h264', { fps: '12', frames: 34, encode: [...H264, '-f', 'h264'] })
    await plays(file, 34, 6)
  })
  variant('uneven timestamps', async () => {
    const filter = "setpts='(if(lt(N,10),N,10+3*(N-10)))/25/TB'"
    const encode = [...LOSSLESS, '-fps_mode', 'passthrough', '-f', 'matroska']
    const file = await video('uneven.mkv', { frames: 30, filter, encode })
    const audio = await makeSound(at.ffmpeg, at.media.file('long.wav'), 6)
    const { video: out, models } = await at.run({ video: file, audio, fps: 12 })
    const codes = shownCodes(out)
    const count = models.encoded // source frames at 12 fps
    expect(count).toBeGreaterThan(30)
    expect(codes).toEqual(turns(count, 72).map((i) => codes[i]))
    expect(drawnCodes(out, CROP)).toEqual(codes)
  })
  test('a seek that lands elsewhere is noticed, and decoded from the start instead', async () => {
    const file = await video('plain.mp4', { fps: '12', frames: 34 })
    const path = at.media.file('ffmpeg')
    const forgetful = `#!/bin/sh
      if [ "$4" = -ss ]; then
        first="$1 $2 $3"
        shift 5
        exec ${at.ffmpeg.path} $first "$@"
      fi
      exec ${at.ffmpeg.path} "$@"`
    await writeFile(path, forgetful, { mode: 0o755 })
    expect(await plays(file, 34, 6, { ffmpeg: { ...at.ffmpeg, path } })).toBeGreaterThan(0)
  })
})
