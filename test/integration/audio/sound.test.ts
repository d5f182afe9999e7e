import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import {
  addCover,
  CROP,
  drawnCodes,
  ffmpeg as run,
  makeSound,
  makeVideo,
} from '../../helpers/media/media.ts'
import { shownCodes } from '../../helpers/media/media.ts'
import { LIMITS } from '../../helpers/jobs/deps.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()
const face = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 8 })

const sound = (name: string, seconds: number, options: string[] = [], source?: string) =>
  makeSound(at.ffmpeg, at.media.file(name), seconds, options, source)

const TONE = 'sine=frequency=220:sample_rate=48000:duration=1'

describe('one second of any recording is 25 frames and one second of sound', () => {
  test.each(
    shortlist(1, [
      ['surround.wav', ['-af', 'pan=5.1|FC=c0|FL=0.2*c0']],
      ['stereo.mp3', ['-ac', '2', '-c:a', 'libmp3lame']],
      ['8kHz.wav', ['-ar', '8000']],
      ['tone.opus', ['-c:a', 'libopus']],
      ['192kHz.wav', ['-ar', '192000']],
      ['24bit.wav', ['-c:a', 'pcm_s24le']],
      ['float.wav', ['-c:a', 'pcm_f32le']],
      ['double.wav', ['-c:a', 'pcm_f64le']],
      ['8bit.wav', ['-c:a', 'pcm_u8']],
      ['tone.aac', ['-c:a', 'aac']],
      ['tone.m4a', ['-c:a', 'aac', '-ac', '2']],
      ['tone.ogg', ['-c:a', 'libvorbis', '-ac', '2']],
      ['tone.flac', ['-c:a', 'flac']],
      ['tone.webm', ['-c:a', 'libopus']],
      ['tone.mkv', ['-c:a', 'pcm_s16le']],
      ['tone.aiff', []],
      ['surround.m4a', ['-af', 'pan=5.1|FC=c0', '-c:a', 'aac']],
      ['quad.flac', ['-af', 'pan=quad|FL=c0|BR=c0', '-c:a', 'flac']],
    ]),
  )('%s', async (name, options) => {
    const { result, video: out } = await at.run({
      video: face,
      audio: await sound(name, 1, options, TONE),
    })
    // Lossy codecs add or lose some milliseconds at the ends.
    expect(Math.abs(result.frames - 25)).toBeLessThanOrEqual(2)
    expect(out.frames).toBe(result.frames)
    expect(Math.abs(out.audioS - out.frames / 25)).toBeLessThan(0.06)
    expect(out.data.length).toBeGreaterThan(0)
  })

  test.each(
    shortlist(0, [
      ['silence', 'anullsrc=r=16000:cl=mono:d=1'],
      ['clipped', "aevalsrc='clip(5*sin(800*t),-1,1)':d=1:s=16000"],
      ['a pure tone', 'sine=frequency=1000:duration=1:sample_rate=16000'],
      ['a constant offset', "aevalsrc='0.6+0.2*sin(440*t)':d=1:s=16000"],
      ['noise', 'anoisesrc=d=1:r=16000'],
    ]),
  )('%s', async (_, source) => {
    const audio = await sound('made.wav', 1, [], source)
    const { result } = await at.render({ video: face, audio })
    expect(result.frames).toBe(25)
  })

  test('floats that are not numbers', async () => {
    const samples = Float32Array.from({ length: 16_000 }, (_, i) => 0.3 * Math.sin(i / 6))
    samples.fill(NaN, 4000, 4100)
    samples.fill(Infinity, 9000, 9010)
    samples[12_000] = 1e30 // what a model is fed of this would be no number either
    const audio = at.media.file('nan.wav')
    const raw = at.media.file('nan.f32')
    await writeFile(raw, Buffer.from(samples.buffer))
    const input = ['-f', 'f32le', '-ar', '16000', '-ac', '1', '-i', raw]
    await run(at.ffmpeg.path, [...input, '-c:a', 'copy', audio])
    const { result, video: out, models } = await at.run({ video: face, audio })
    expect(result.frames).toBe(25)
    expect(out.audioS).toBeCloseTo(1, 1)
    const deaf = models.loud.map((levels, i) => (levels[4]! > 0.05 ? -1 : i))
    expect(deaf.filter((i) => i >= 0 && i !== 6 && i !== 14)).toEqual([]) // but for the holes
    expect(Math.max(...models.loud.flat())).toBeLessThan(10)
  })

  test('a recording with a cover', async () => {
    const audio = await addCover(at.ffmpeg, at.voice, at.media.file('cover.mp3'))
    const limits = { ...LIMITS, maxPixels: 192 * 144 } // covers of podcasts have 9 megapixels
    const { result } = await at.render({ video: face, audio }, { deps: { limits } })
    expect(result.frames).toBeGreaterThanOrEqual(25)
  })

  variant('the sound of a video', async () => {
    const audio = at.media.file('both.mp4')
    await run(at.ffmpeg.path, ['-i', face, '-i', at.voice, '-c:v', 'copy', '-c:a', 'aac', audio])
    const { result } = await at.render({ video: face, audio })
    expect(Math.abs(result.frames - 25)).toBeLessThanOrEqual(2)
  })

  variant('a recording that starts late in its container starts with the picture', async () => {
    const audio = at.media.file('late.mkv')
    const late = ['-itsoffset', '3', '-i', at.voice, '-i', face, '-map', '0:a', '-map', '1:v']
    await run(at.ffmpeg.path, [...late, '-c', 'copy', audio])
    const { result, video: out } = await at.run({ video: face, audio })
    expect(result.frames).toBe(25)
    expect(out.audioS).toBeCloseTo(1, 1)
  })
})

describe('how long it is', () => {
  test('20 ms of sound are one frame', async () => {
    const { result, video: out } = await at.run({ video: face, audio: await sound('s.wav', 0.02) })
    expect(result.frames).toBe(1)
    expect(out.frames).toBe(1)
    expect(drawnCodes(out, CROP)).toEqual([0])
  })
  variant('twenty times longer than the video', async () => {
    const two = await makeVideo(at.ffmpeg, at.media.file('two.mp4'), { frames: 2 })
    const { video: out } = await at.run({ video: two, audio: await sound('long.wav', 1.6) })
    const expected = Array.from({ length: 40 }, (_, i) => [0, 1, 1, 0][i % 4])
    expect(shownCodes(out)).toEqual(expected)
    expect(drawnCodes(out, CROP)).toEqual(expected)
  })
  test('more than one piece of thirty seconds: each state is heard once, in order', async () => {
    const audio = await sound('longer.wav', 33)
    const { models, result } = await at.render({ video: face, audio, fps: 5 })
    expect(result.frames).toBe(165)
    expect(models.runs.listen).toBe(2)
    // The fake numbers its states through the pieces: 1400 new ones each.
    const heard = models.heard.map((window) => window[4]!)
    const wrong = heard.filter((state, i) => state !== 10 * i + 1)
    expect(wrong).toEqual([])
  })
})

describe('silence: source', () => {
  const pause = "aevalsrc='if(between(t,0.6,1.8),0,0.5*sin(1400*t))':d=2.4:s=16000"
  test('a pause of more than half a second shows the untouched source', async () => {
    const audio = await sound('pause.wav', 2.4, [], pause)
    const { video: out, models } = await at.run({ video: face, audio, silence: 'source' })
    const drawn = drawnCodes(out, CROP)
    expect(drawn.slice(0, 14)).toEqual(shownCodes(out).slice(0, 14))
    expect(drawn.slice(22, 38)).toEqual(Array(16).fill(undefined))
    expect(drawn.slice(47)).toEqual(shownCodes(out).slice(47))
    expect(models.codes.length).toBeLessThan(60 - 15) // what is not shown is not generated
  })
  variant('without it the mouth is drawn in pauses too', async () => {
    const audio = await sound('pause.wav', 2.4, [], pause)
    const { video: out } = await at.run({ video: face, audio })
    expect(drawnCodes(out, CROP)).toEqual(shownCodes(out))
  })
})
