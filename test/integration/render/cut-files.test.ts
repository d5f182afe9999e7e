import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { ffmpeg as run, H264, makeSound, makeVideo } from '../../helpers/media/media.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()
const face = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 4 })
const long = await makeSound(at.ffmpeg, at.media.file('long.wav'), 4)

/** The first part of a file. */
async function cut(file: string, share = 0.6): Promise<string> {
  const part = file.replace(/(\.\w+)$/, '-cut$1')
  const bytes = await readFile(file)
  await writeFile(part, bytes.subarray(0, Math.floor(bytes.length * share)))
  return part
}

describe('a file of which a part is missing is refused, and told how much of it is there', () => {
  const noise = 'anoisesrc=d=2:r=16000:a=0.3'
  test.each(
    shortlist(2, [
      ['a.mp3', []],
      ['a.webm', ['-c:a', 'libopus']],
      ['a.wav', []],
      ['a.flac', []],
      ['a.aiff', []],
      ['a.flv', ['-c:a', 'aac']],
      ['a.wma', []],
      ['a.w64', []],
      ['a.caf', []],
    ]),
  )('a recording: %s', async (name, options) => {
    const whole = await makeSound(at.ffmpeg, at.media.file(name), 2, options, noise)
    const { error, models } = await at.fail({ video: face, audio: await cut(whole) })
    expect(error).toMatchObject({ code: 'MEDIA_UNREADABLE', retryable: false })
    expect(error.message).toMatch(/audio input is cut off/)
    expect(models.runs.generate).toBe(0)
  })
  const videos: readonly [string, readonly string[]][] = [
    ['v.mkv', H264],
    ['v.avi', ['-c:v', 'mjpeg', '-q:v', '2']],
    ['v.wmv', ['-c:v', 'wmv2']],
    ['v.webm', ['-c:v', 'libvpx', '-b:v', '1M']],
  ]
  test.each(shortlist(2, videos))('a video: %s', async (name, encode) => {
    const whole = await makeVideo(at.ffmpeg, at.media.file(name), { frames: 50, encode })
    const job = { video: await cut(whole), audio: long, length: 'video' }
    const { error } = await at.fail(job)
    expect(error).toMatchObject({ code: 'MEDIA_UNREADABLE', retryable: false })
    expect(error.message).toMatch(/video input is cut off/)
  })
})

const still = () =>
  makeVideo(at.ffmpeg, at.media.file('photo.jpg'), { frames: 1, encode: ['-frames:v', '1'] })

test('a photo of which a part is missing is refused', async () => {
  const photo = await still()
  const { error } = await at.fail({ video: await cut(photo), audio: at.voice })
  expect(error).toMatchObject({ code: 'MEDIA_UNREADABLE', retryable: false })
  expect(error.message).toBe('the video input is cut off or damaged')
})

variant('a photo that lacks nothing but the mark of its end is taken', async () => {
  const photo = await still()
  const bytes = await readFile(photo)
  await writeFile(photo, bytes.subarray(0, -2))
  expect((await at.render({ video: photo, audio: at.voice })).result.frames).toBe(25)
})

describe('whole files that seem to be short are taken', () => {
  const hears = async (audio: string, frames: number) => {
    const { result } = await at.render({ video: face, audio })
    expect(Math.abs(result.frames - frames)).toBeLessThanOrEqual(2)
  }
  test.each(shortlist(1, [0xffff_ffff, 0, 0x7fff_ffff]))(
    'a wav whose writer left %i as its size',
    async (size) => {
      const bytes = await readFile(at.voice)
      bytes.writeUInt32LE(size, 4)
      bytes.writeUInt32LE(size, bytes.indexOf('data') + 4)
      const file = at.media.file('streamed.wav')
      await writeFile(file, bytes)
      await hears(file, 25)
    },
  )
  test('sound that is shorter than the picture beside it, and begins later', async () => {
    const film = await makeVideo(at.ffmpeg, at.media.file('film.mp4'), { frames: 75 })
    const files = ['-i', film, '-itsoffset', '0.5', '-i', at.voice]
    for (const name of shortlist(1, ['both.mkv', 'both.mp4', 'both.flv'])) {
      const file = at.media.file(name)
      await run(at.ffmpeg.path, [
        ...files,
        '-map',
        '0',
        '-map',
        '1',
        '-c:v',
        'copy',
        '-c:a',
        'aac',
        file,
      ])
      await hears(file, 25)
    }
  })
  test('pictures whose last one stays for two seconds', async () => {
    const filter = "setpts='PTS+gte(N,24)*2/TB'"
    const encode = [...H264, '-fps_mode', 'passthrough']
    const video = await makeVideo(at.ffmpeg, at.media.file('stays.mp4'), {
      frames: 25,
      filter,
      encode,
    })
    const { result } = await at.render({ video, audio: long, length: 'video' })
    expect(Math.abs(result.duration_sec - 3)).toBeLessThan(0.1)
  })
  variant('a film whose beginning an edit list cuts off', async () => {
    const encode = [...H264, '-g', '25']
    const film = await makeVideo(at.ffmpeg, at.media.file('uncut.mp4'), { frames: 75, encode })
    const video = at.media.file('edited.mp4')
    await run(at.ffmpeg.path, ['-ss', '1.4', '-i', film, '-c', 'copy', video])
    const { result } = await at.render({ video, audio: long, length: 'video' })
    expect(result.frames).toBe(40)
  })
})
