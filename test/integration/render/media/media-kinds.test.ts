import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../../helpers/jobs/deps.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { CROP, drawnCodes, makeSound, makeVideo } from '../../../helpers/media/media.ts'
import { FACE } from '../../../helpers/media/scene.ts'
import { shortlist } from '../../../helpers/shortlist.ts'

const at = await scenario()
const video = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 4 })

describe('formats that are taken', () => {
  test.each(
    shortlist(1, [
      ['tone.spx', ['-c:a', 'libspeex']],
      ['tone.wma', []],
      ['tone.caf', []],
      ['tone.wv', []],
      ['tone.au', []],
      ['tone.ac3', []],
    ]),
  )('a recording: %s', async (name, options) => {
    const { result } = await at.render({
      ...{ video, audio: await makeSound(at.ffmpeg, at.media.file(name), 1, options) },
    })
    expect(Math.abs(result.frames - 25)).toBeLessThanOrEqual(2)
  })
  test.each(
    shortlist(1, [
      [
        'face.avif',
        ['-c:v', 'libaom-av1', '-still-picture', '1', '-cpu-used', '8', '-frames:v', '1'],
      ],
      ['face.mxf', ['-c:v', 'mpeg2video', '-q:v', '2']],
      ['face.ivf', ['-c:v', 'libvpx', '-b:v', '2M']],
    ]),
  )('a video or still: %s', async (name, encode) => {
    const file = await makeVideo(at.ffmpeg, at.media.file(name), { frames: 4, encode })
    const { result } = await at.render({ video: file })
    expect(result).toMatchObject({ frames: 25, fps: 25 })
  })
})

describe('what is refused is called by its name', () => {
  const refusal = async (job: Record<string, unknown>) => (await at.fail(job)).error
  const others = [
    ['is a web page', '<!doctype html><html><body>Sign in</body></html>'],
    ['is an SVG drawing', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['is a ZIP archive', 'PK\x03\x04'.padEnd(2000, '\0')],
    ['is a PDF document', '%PDF-1.7\n'],
  ] as const
  test.each(shortlist(2, others))('%s', async (words, bytes) => {
    const file = at.media.file('other.bin')
    await writeFile(file, bytes, 'latin1')
    for (const job of [{ video: file }, { video, audio: file }]) {
      const error = await refusal(job)
      expect(error.code).toBe('MEDIA_UNREADABLE')
      expect(error.message).toContain(words)
    }
  })
  test('a whole file of a format that is not on our list', async () => {
    const audio = await makeSound(at.ffmpeg, at.media.file('tone.sox'), 1)
    expect((await refusal({ video, audio })).message).toContain('"sox"')
  })
  test('a part of a picture of a kind that is taken', async () => {
    const file = at.media.file('cut.avif')
    await writeFile(file, '\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf\0\0\x01\x10meta', 'latin1')
    const { message } = await refusal({ video: file })
    expect(message).toContain('is not all of an AVIF picture, or one that')
  })
  test('an animated WebP', async () => {
    const encode = ['-c:v', 'libwebp_anim']
    const file = await makeVideo(at.ffmpeg, at.media.file('a.webp'), { frames: 4, encode })
    expect((await refusal({ video: file })).message).toContain('an animated WebP')
  })
})

describe('stills that have more pixels than a frame may have', () => {
  const limits = { ...LIMITS, maxPixels: 192 * 144, maxInputBytes: 1e9 }
  const large = { width: 768, height: 576, faces: () => [FACE.map((at) => 4 * at) as never] }
  const still = (name: string, encode: string[] = []) =>
    makeVideo(at.ffmpeg, at.media.file(name), {
      ...{ ...large, frames: 1, encode: [...encode, '-frames:v', '1'] },
    })
  test.each(shortlist(1, ['large.mkv', 'large.mp4', 'large.jpg', 'large.png']))(
    'are scaled down to them: %s',
    async (name) => {
      const { result, video: out } = await at.run(
        { video: await still(name) },
        { deps: { limits } },
      )
      expect(result).toMatchObject({ width: 192, height: 144, frames: 25 })
      expect(drawnCodes(out, CROP)).toEqual(Array(25).fill(0))
    },
  )
  test("a job's box stays in the photo's own pixels", async () => {
    const face = { box: FACE.map((at) => 4 * at) }
    const job = { video: await still('boxed.png'), face }
    const { video: out } = await at.run(job, { deps: { limits } })
    expect(drawnCodes(out, CROP)).toEqual(Array(25).fill(0))
    const elsewhere = { video: await still('boxed.png'), face: { box: [600, 420, 760, 570] } }
    expect((await at.fail(elsewhere, { deps: { limits } })).error.code).toBe('NO_FACE')
  })
  test('videos are not', async () => {
    const file = await makeVideo(at.ffmpeg, at.media.file('large.mp4'), { ...large, frames: 4 })
    const { error } = await at.fail({ video: file }, { deps: { limits } })
    expect(error.code).toBe('MEDIA_TOO_LARGE')
  })
  test('nor a picture beyond every phone', async () => {
    const file = at.media.file('bomb.png')
    const source = 'color=black:s=9300x7000:d=0.04'
    await makeSound(at.ffmpeg, file, 0, ['-frames:v', '1', '-pix_fmt', 'monob'], source)
    expect((await at.fail({ video: file })).error.code).toBe('MEDIA_TOO_LARGE')
  })
})
