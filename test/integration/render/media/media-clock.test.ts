import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { beepTimes, makeBeeps } from '../../../helpers/media/beeps.ts'
import { LIMITS } from '../../../helpers/jobs/deps.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { avatarCache } from '../../../../handler/render/avatar/avatar-cache.ts'
import { createRenderer } from '../../../../handler/render/render.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'
import {
  ffmpeg as run,
  H264,
  makeSound,
  makeVideo,
  shownCodes,
  type VideoOptions,
} from '../../../helpers/media/media.ts'
import { shortlist, variant } from '../../../helpers/shortlist.ts'

const at = await scenario()
const face = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 8 })

const video = (name: string, options: VideoOptions = {}) =>
  makeVideo(at.ffmpeg, at.media.file(name), { frames: 25, ...options })
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
const TS = ['-f', 'mpegts'] as const

async function joined(name: string, ...parts: string[]): Promise<string> {
  const file = at.media.file(name)
  await writeFile(file, Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))))
  return file
}

/** Where the beeps of a result lie, each within one frame of where it should. */
async function hears(audio: string, expected: number[], seconds: number) {
  const { result } = await at.render({ video: face, audio, fps: 10 })
  expect(Math.abs(result.frames - 10 * seconds)).toBeLessThanOrEqual(1)
  const heard = await beepTimes(at.ffmpeg, result.output_url)
  expect(heard).toHaveLength(expected.length)
  const off = heard.map((time, i) => Math.abs(time - expected[i]!))
  expect(Math.max(...off)).toBeLessThan(0.041)
}

describe('sound is played when its timestamps say', () => {
  const HOLE = ['-af', "aselect='lt(t,1.2)+gte(t,2.2)'"]
  const KEPT = [0, 0.5, 1, 2.5, 3, 3.5]
  test.each(
    shortlist(1, [
      ['hole.ts', ['-c:a', 'aac']],
      ['hole.webm', ['-c:a', 'libopus']],
      ['hole.m4a', ['-c:a', 'aac']],
      ['hole.mkv', ['-c:a', 'pcm_s16le']],
    ]),
  )('a gap is silence: %s', async (name, codec) => {
    await hears(await makeBeeps(at.ffmpeg, at.media.file(name), 4, [...HOLE, ...codec]), KEPT, 4)
  })
  const FLAC = ['-c:a', 'flac', '-f', 'ogg']
  test.each(
    shortlist(2, [
      ['webm', ['-c:a', 'libopus']],
      ['opus', ['-c:a', 'libopus']],
      ['ogg', ['-c:a', 'libvorbis']],
      ['oga', FLAC],
      ['ts', ['-c:a', 'mp2']],
    ]),
  )('recordings that were strung together follow one another: %s', async (kind, codec) => {
    const part = await makeBeeps(at.ffmpeg, at.media.file(`part.${kind}`), 2, codec)
    const twice = await joined(`twice.${kind}`, part, part)
    await hears(twice, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], 4)
  })
  variant('many short ones, too, whatever number they bear', async () => {
    const parts = [1, 2, 3, 4].map((serial) => {
      const numbered = [...FLAC, '-serial_offset', String(serial)]
      return makeBeeps(at.ffmpeg, at.media.file(`${serial}.oga`), 0.5, numbered)
    })
    await hears(await joined('many.oga', ...(await Promise.all(parts))), [0, 0.5, 1, 1.5], 2)
  })
  variant('broadcasts whose clocks are hours apart follow one another', async () => {
    const part = (name: string, more: string[]) =>
      makeBeeps(at.ffmpeg, at.media.file(name), 2, ['-c:a', 'mp2', ...more])
    const later = await part('later.ts', ['-output_ts_offset', '36000'])
    const twice = await joined('jumps.ts', await part('sooner.ts', []), later)
    await hears(twice, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], 4)
  })
  test('the silence of an encoder before the first sample is not heard', async () => {
    for (const name of shortlist(1, ['primed.m4a', 'primed.mp3', 'primed.opus'])) {
      await hears(await makeBeeps(at.ffmpeg, at.media.file(name), 1), [0, 0.5], 1)
    }
  })
  variant('a clock that begins at ten hours', async () => {
    const plain = await makeBeeps(at.ffmpeg, at.media.file('plain.ogg'), 1, ['-c:a', 'libopus'])
    const audio = at.media.file('late.webm')
    await run(at.ffmpeg.path, ['-itsoffset', '36000', '-i', plain, '-c', 'copy', '-copyts', audio])
    await hears(audio, [0, 0.5], 1)
  })
  test('a length that is guessed from the bit rate is no reason to refuse', async () => {
    // near silence is coded in few bits, so what follows seems to go on for minutes
    const source = "aevalsrc='if(lt(t,4),0,random(0)-0.5)':d=8:s=44100"
    const audio = await makeSound(at.ffmpeg, at.media.file('g.aac'), 8, ['-c:a', 'aac'], source)
    const limits = { ...LIMITS, maxAudioS: 9, maxInputBytes: 1e9 }
    const { result } = await at.render({ video: face, audio, fps: 5 }, { deps: { limits } })
    expect(Math.abs(result.duration_sec - 8)).toBeLessThan(0.2)
  })
})

describe('the track that a player takes', () => {
  variant('of sound: the one that is marked, not the first', async () => {
    const audio = at.media.file('tracks.mkv')
    const silence = ['-f', 'lavfi', '-t', '2', '-i', 'anullsrc=r=48000:cl=mono']
    const beeps = await makeBeeps(at.ffmpeg, at.media.file('beeps.wav'), 2)
    const marks = ['-disposition:a:0', '0', '-disposition:a:1', 'default']
    const maps = ['-map', '0', '-map', '1', '-c:a', 'flac', ...marks]
    await run(at.ffmpeg.path, [...silence, '-i', beeps, ...maps, audio])
    await hears(audio, [0, 0.5, 1, 1.5], 2)
  })
  test('of pictures: likewise, and never a cover', async () => {
    const other = await video('other.mp4', { filter: 'negate' })
    const wanted = await video('wanted.mp4')
    const file = at.media.file('angles.mkv')
    const marks = ['-disposition:v:0', 'attached_pic', '-disposition:v:1', '0']
    const maps = ['-map', '0', '-map', '1', '-map', '2', '-c', 'copy']
    const inputs = [await video('c.mp4', { frames: 1 }), other, wanted].flatMap((f) => ['-i', f])
    const all = [...inputs, ...maps, ...marks, '-disposition:v:2', 'default', file]
    await run(at.ffmpeg.path, all)
    const { video: out } = await at.run({ video: file })
    expect(shownCodes(out)).toEqual(numbers(25))
  })
})

describe('pictures that change midway', () => {
  const half = (name: string, options: VideoOptions, offset: string) =>
    video(name, {
      frames: 20,
      ...options,
      encode: [...H264, '-bf', '0', ...TS, '-output_ts_offset', offset],
    })
  variant('in size: every one is shown, when it is due', async () => {
    const small = await half('small.ts', {}, '0')
    const large = await half('large.ts', { width: 384, height: 288 }, '0.8')
    const { video: out } = await at.run({
      ...{ video: await joined('grows.ts', small, large), length: 'video' },
      audio: await makeSound(at.ffmpeg, at.media.file('two.wav'), 2),
    })
    expect([out.width, out.height]).toEqual([192, 144])
    expect(shownCodes(out)).toEqual([...numbers(20), ...numbers(20)])
  })
  test('in shape: bars, nothing is squeezed', async () => {
    const wide = await half('wide.ts', {}, '0')
    const tall = await half('tall.ts', { width: 144, height: 192 }, '0.8')
    const { video: out } = await at.run({
      ...{ video: await joined('turns.ts', wide, tall), length: 'video' },
      audio: await makeSound(at.ffmpeg, at.media.file('two.wav'), 2),
    })
    expect(out.frames).toBe(40)
    const row = (x: number) => out.pixel(30, x, 40)[0]
    // 144x192 in a height of 144 is 108 wide, from 42 to 150
    expect([row(20), row(170)].map((luma) => luma < 24)).toEqual([true, true])
    expect([row(48), row(144)].map((luma) => luma > 40)).toEqual([true, true])
  })
})

describe('a rate that nobody wrote down', () => {
  test('of a fragmented mp4 that claims a single picture', async () => {
    const file = await video('frag.mp4', { encode: [...H264, '-movflags', 'frag_every_frame'] })
    const { video: out, result } = await at.run({ video: file })
    expect(result.fps).toBe(25)
    expect(shownCodes(out)).toEqual(numbers(25))
  })
  test('of a recording of a browser: that of its pictures', async () => {
    const filter = "settb=1/1000,setpts='floor(N*33.3333+random(0)*8)'"
    const encode = ['-fps_mode', 'passthrough', '-enc_time_base', '1:1000', '-c:v', 'libvpx']
    const live = ['-b:v', '2M', '-f', 'webm', '-live', '1']
    const made = await video('made.webm', {
      fps: '30',
      frames: 40,
      filter,
      encode: [...encode, ...live],
    })
    const bytes = await readFile(made)
    const duration = bytes.indexOf(Buffer.from('23e383', 'hex')) // DefaultDuration becomes Void
    const length = bytes[duration + 3]! & 0x7f
    bytes.fill(0, duration, duration + 4 + length)
    bytes.set([0xec, 0x80 | (2 + length)], duration)
    await writeFile(made, bytes)
    const { video: out, result } = await at.run({ video: made })
    expect(Math.abs(result.fps - 30)).toBeLessThan(0.1)
    const off = shownCodes(out).map((code, i) => Math.abs(code - i))
    expect(Math.max(...off)).toBeLessThanOrEqual(1)
  })
  variant('of a photo that was exported as a video: lips get 25', async () => {
    const file = await video('slides.mp4', { fps: '1', frames: 3 })
    const { video: out, result } = await at.run({ video: file })
    expect(result).toMatchObject({ fps: 25, frames: 25 })
    expect(shownCodes(out)).toEqual(numbers(25).map(() => 0))
  })
})

test('a broadcast that was cut within a group of pictures begins with its next one', async () => {
  const encode = [...H264, '-g', '10', '-bf', '2', ...TS]
  const whole = await readFile(await video('whole.ts', { frames: 45, encode }))
  const file = at.media.file('cut.ts')
  const packets = Math.floor(whole.length / 188)
  await writeFile(file, whole.subarray(188 * Math.floor(packets / 8)))
  const { video: out } = await at.run({ video: file })
  const [first = 0] = shownCodes(out)
  expect(first % 10).toBe(0)
  expect(shownCodes(out)).toEqual(numbers(25, first))
})

describe('a broadcast that was strung together, and says how long one part of it is', () => {
  const parts = async () => {
    const part = await video('part.ts', { frames: 20, encode: [...H264, '-bf', '0', ...TS] })
    return joined('parts.ts', part, part)
  }
  const sounding = (seconds: number) =>
    makeSound(at.ffmpeg, at.media.file(`${seconds}.wav`), seconds)
  test('is not taken for a part of itself that an earlier job knew', async () => {
    const source = await parts()
    const cache = avatarCache({ dir: at.media.file('cache'), maxMb: 10 })
    const again = async (seconds: number) => {
      const models = fakeModels()
      const deps = { render: createRenderer(models, at.ffmpeg, cache) }
      const audio = await sounding(seconds)
      return at.run({ video: source, audio }, { models, deps })
    }
    await again(1.2)
    const { video: out } = await again(1.6)
    expect(shownCodes(out)).toEqual([...numbers(20), ...numbers(20)])
  })
  test('has parts behind that length', async () => {
    const trim = { from: 1, to: 1.2 }
    const { video: out } = await at.run({ video: await parts(), trim, length: 'video' })
    expect(shownCodes(out)).toEqual([5, 6, 7, 8, 9])
    const [beyond, voice] = [{ from: 9 }, await makeSound(at.ffmpeg, at.media.file('v.ogg'), 1)]
    const [seen, heard] = [{ trim: beyond }, { speech: beyond, audio: voice }]
    for (const [field, job] of Object.entries({ trim: seen, speech: heard })) {
      const { error } = await at.fail({ video: await parts(), ...job })
      expect(error).toMatchObject({ code: 'INVALID_JOB' })
      expect(error.message).toContain(`${field}: begins after the end`)
    }
  })
})
