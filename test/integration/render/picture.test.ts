import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { Box } from '../../../models/pixels/image.ts'
import { CROP, drawnCodes, ffmpeg as run, LOSSLESS, makeVideo } from '../../helpers/media/media.ts'
import { readVideo, type Video, type VideoOptions } from '../../helpers/media/media.ts'
import { FACE } from '../../helpers/media/scene.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()

const video = (name: string, options: VideoOptions = {}) =>
  makeVideo(at.ffmpeg, at.media.file(name), { frames: 6, ...options })

/** Fine quality, few frames: what is compared is the pipeline, not the encoder. */
const FINE = { length: 'shortest', output: { crf: 10 } }

/** Largest and mean difference of all samples outside a box, frame by frame. */
function difference(a: Video, b: Video, box: Box) {
  expect([a.width, a.height]).toEqual([b.width, b.height])
  let [most, sum, count] = [0, 0, 0]
  const pixels = a.width * a.height
  const compare = (at: number) => {
    const off = Math.abs(a.data[at]! - b.data[at]!)
    most = Math.max(most, off)
    sum += off
    count++
  }
  for (let frame = 0; frame < Math.min(a.frames, b.frames); frame++) {
    const luma = frame * pixels * 1.5
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < a.width; x++) {
        if (x >= box[0] - 2 && x < box[2] + 2 && y >= box[1] - 2 && y < box[3] + 2) continue
        const chroma = luma + pixels + (y >> 1) * (a.width >> 1) + (x >> 1)
        for (const at of [luma + y * a.width + x, chroma, chroma + pixels / 4]) compare(at)
      }
    }
  }
  return { most, mean: sum / count }
}

/** Render and compare with the source as ffmpeg shows it, outside the mouth. */
async function unchanged(file: string, crop: Box = CROP, most = 8) {
  const { video: out, result } = await at.run({ video: file, ...FINE })
  const source = await readVideo(at.ffmpeg, file)
  const off = difference(out, source, crop)
  expect(off.mean).toBeLessThan(0.75)
  expect(off.most).toBeLessThanOrEqual(most)
  expect(drawnCodes(out, crop).filter((code) => code === undefined)).toEqual([])
  return { out, source, result }
}

describe('colors outside the mouth stay as they were', () => {
  const h264 = (pixels: string, ...more: string[]) => [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '4', '-pix_fmt', pixels, ...more],
  ]
  /** Newer versions of ffmpeg take the tags from the frames, older ones from the options. */
  const tagged = (name: string, pixels: string, space: string, primaries: string, trc: string) =>
    video(name, {
      filter:
        `scale=out_color_matrix=${space},format=${pixels},setparams=range=tv:` +
        `colorspace=${space}:color_primaries=${primaries}:color_trc=${trc}`,
      encode: h264(
        pixels,
        ...['-colorspace', space, '-color_primaries', primaries, '-color_range', 'tv'],
        ...['-color_trc', { bt470bg: 'gamma28', bt470m: 'gamma22' }[trc] ?? trc],
      ),
    })
  test('untagged 4:2:0', async () => {
    const { out } = await unchanged(await video('plain.mp4'))
    expect(out.line).not.toContain('bt709')
  })
  test.each(
    shortlist(0, [
      ['bt709', 'bt709', 'iec61966-2-1'],
      ['bt470bg', 'bt470bg', 'bt470bg'],
      ['bt709', 'bt709', 'bt709'],
      ['smpte170m', 'smpte170m', 'smpte170m'],
      ['smpte170m', 'bt470m', 'bt470m'],
      ['bt2020nc', 'bt2020', 'arib-std-b67'],
    ]),
  )('tagged %s, %s, %s', async (...tags) => {
    const { out, source } = await unchanged(await tagged('tagged.mp4', 'yuv420p', ...tags))
    expect(tagsOf(out)).toBe(tagsOf(source))
  })
  test('10-bit PQ with its tags', async () => {
    const tags = ['bt2020nc', 'bt2020', 'smpte2084'] as const
    const { out } = await unchanged(await tagged('pq.mp4', 'yuv420p10le', ...tags))
    expect(out.line).toContain('bt2020nc/bt2020/smpte2084')
    expect(out.line).toContain('yuv420p(')
  })
  test('full range', async () => {
    const file = await video('full.mp4', {
      encode: h264('yuvj420p'),
      filter: 'scale=out_range=full',
    })
    const { video: out, result } = await at.run({ video: file, ...FINE })
    expect(out.line).toMatch(/yuvj?420p\(pc/)
    const asItIs = ['-f', 'rawvideo', '-pix_fmt', 'yuvj420p', 'pipe:1']
    const [before, after] = await Promise.all(
      [file, result.output_url].map((path) => run(at.ffmpeg.path, ['-i', path, ...asItIs])),
    )
    const row = ({ stdout }: { stdout: Buffer }) => [...stdout.subarray(10 * 192, 10 * 192 + 40)]
    const off = row(before!).map((value, i) => Math.abs(value - row(after!)[i]!))
    expect(Math.max(...off)).toBeLessThanOrEqual(4)
  })
  test.each(shortlist(0, ['yuv444p', 'yuv422p']))('%s', async (format) => {
    await unchanged(await video('other.mp4', { encode: h264(format) }))
  })
  test('gray, and so is the mouth', async () => {
    const file = await video('gray.mp4', { encode: h264('gray') })
    const { video: out } = await at.run({ video: file, ...FINE })
    const off = difference(out, await readVideo(at.ffmpeg, file), CROP)
    expect(off.most).toBeLessThanOrEqual(8)
    const [x, y] = [(CROP[0] + CROP[2]) / 2, CROP[1] + 0.72 * (CROP[3] - CROP[1])]
    expect(out.pixel(0, 10, 10).slice(1)).toEqual([128, 128])
    expect(out.pixel(0, x, Math.round(y)).slice(1)).toEqual([128, 128])
    expect(out.pixel(0, x, Math.round(y))[0]).toBeLessThan(160) // the mouth, where skin is 218
  })
  variant('RGB', async () => {
    const encode = ['-c:v', 'libx264rgb', '-qp', '0', '-pix_fmt', 'rgb24']
    const file = await video('rgb.mkv', { encode })
    const { video: out } = await at.run({ video: file, ...FINE })
    expect(out.line).toContain('bt709')
    // white, as luma of limited range
    expect(out.pixel(0, 60, 20)[0]).toBeGreaterThan(215)
  })
  variant('alpha lies on black', async () => {
    const filter = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,40),0,255)'"
    const encode = ['-c:v', 'png', '-pix_fmt', 'rgba']
    const file = await video('alpha.mov', { filter, encode })
    const { video: out } = await at.run({ video: file, ...FINE })
    expect(out.pixel(0, 10, 60)[0]).toBeLessThan(24)
    expect(out.pixel(0, 60, 20)[0]).toBeGreaterThan(200)
  })
  variant('interlaced', async () => {
    const encode = [...h264('yuv420p'), '-flags', '+ilme+ildct', '-x264-params', 'tff=1']
    const file = await video('interlaced.mp4', { encode, filter: 'setfield=tff' })
    const { video: out } = await at.run({ video: file, ...FINE })
    expect(out.frames).toBe(6)
    expect(out.line).not.toContain('top first')
  })
})

describe('the picture is upright, square and even', () => {
  test.each(
    shortlist(1, [
      [90, [144, 192]],
      [180, [192, 144]],
      [270, [144, 192]],
    ] as const),
  )('turned by %i degrees', async (degrees, [width, height]) => {
    // The samples lie on their side, and the display matrix says so.
    const turns = { 90: 'transpose=2', 180: 'hflip,vflip', 270: 'transpose=1' }[degrees]
    const upright = { width, height, faces: () => [FACE] }
    const plain = await video('plain.mp4', { ...upright, filter: turns })
    const file = at.media.file('turned.mp4')
    const bytes = await readFile(plain)
    // the display matrix in fixed point: a, b, u, c, d of the picture's turn
    const [a, b] = { 90: [0, 1], 180: [-1, 0], 270: [0, -1] }[degrees] as [number, number]
    const matrix = bytes.indexOf('tkhd') + 44
    for (const [i, value] of [a, b, 0, -b, a].entries()) {
      bytes.writeInt32BE(value * 65536, matrix + 4 * i)
    }
    await writeFile(file, bytes)
    const { out } = await unchanged(file, CROP)
    expect([out.width, out.height]).toEqual([width, height])
    expect(out.line).not.toContain('rotat')
    expect(new Set(out.pixel(0, 60, 22))).not.toEqual(new Set([128])) // the face is at the top
  })
  test('odd sizes lose one line, nothing moves', async () => {
    const encode = [...LOSSLESS.slice(0, -1), 'yuv444p']
    const file = await video('odd.mkv', { width: 321, height: 479, encode })
    const { video: out } = await at.run({ video: file, ...FINE })
    expect([out.width, out.height]).toEqual([320, 478])
    expect(Math.abs(out.pixel(0, FACE[0] + 2, 40)[0] - 218)).toBeLessThan(8) // white up to its edge
    expect(out.pixel(0, FACE[0] - 3, 40)[0]).toBeLessThan(130)
  })
  test('a sample aspect of 1:2 is stretched to square pixels', async () => {
    const file = await video('tall.mp4', { filter: 'setsar=1/2' })
    const { video: out } = await at.run({ video: file, ...FINE })
    expect([out.width, out.height]).toEqual([192, 288])
    expect(out.line).not.toMatch(/SAR (?!1:1)/)
    expect(out.pixel(0, 96, 2 * 20)[0]).toBeGreaterThan(200) // the face, twice as far down
  })
})

describe('stills', () => {
  /** EXIF with an orientation, in front of a JPEG's other segments. */
  const exif = (orientation: number) => {
    const tiff = Buffer.from('4d4d002a0000000800010112000300000001000000000000000000', 'hex')
    tiff.writeUInt16BE(orientation, 18)
    return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  }
  async function withExif(jpeg: string, orientation: number): Promise<string> {
    const bytes = await readFile(jpeg)
    const body = exif(orientation)
    const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 0])
    head.writeUInt16BE(body.length + 2, 4)
    const file = at.media.file('exif.jpg')
    await writeFile(file, Buffer.concat([head, body, bytes.subarray(2)]))
    return file
  }
  const still = (name: string, options: VideoOptions = {}) => {
    const codec = { png: 'png', jpg: 'mjpeg', webp: 'libwebp' }[name.split('.')[1]!]!
    const encode = ['-c:v', codec, '-q:v', codec === 'libwebp' ? '95' : '2', '-frames:v', '1']
    return video(name, { frames: 1, encode, ...options })
  }
  test.each(shortlist(1, ['face.webp', 'face.png', 'face.jpg']))(
    '%s speaks for a second',
    async (name) => {
      const { result, video: out } = await at.run({ video: await still(name) })
      expect(result).toMatchObject({ frames: 25, fps: 25, width: 192, height: 144 })
      expect(drawnCodes(out, CROP)).toEqual(Array(25).fill(0))
      expect(out.pixel(24, 60, 20)[0]).toBeGreaterThan(200)
      expect(Math.abs(out.pixel(24, 10, 60)[0] - out.pixel(0, 10, 60)[0])).toBeLessThan(4)
    },
  )
  variant('at the rate that the job asks for', async () => {
    const { result } = await at.render({ video: await still('face.png'), fps: 10 })
    expect(result).toMatchObject({ frames: 10, fps: 10 })
  })
  test.each(
    shortlist(1, [
      [6, 'transpose=2'],
      [3, 'hflip,vflip'],
      [8, 'transpose=1'],
    ]),
  )('EXIF orientation %i is turned upright', async (orientation, filter) => {
    const size = { width: 144, height: 192 }
    const lying = await still('lying.jpg', { ...size, filter: `${filter},format=yuvj420p` })
    const { video: out } = await at.run({ video: await withExif(lying, orientation), ...FINE })
    expect([out.width, out.height]).toEqual([144, 192])
    expect(drawnCodes(out, CROP)).toEqual([0])
  })
})

const tagsOf = ({ line }: Video) =>
  /yuvj?420p\(([^)]*)\)/.exec(line)?.[1]?.replace(', progressive', '')
