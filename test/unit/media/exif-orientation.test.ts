import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exifFilter } from '../../../handler/render/media/probing/exif-orientation.ts'

let dir: string
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'musetalk-test-'))))
afterAll(() => rm(dir, { recursive: true }))

const text = (value: string) => Buffer.from(value, 'latin1')

/** A TIFF header and one directory with the orientation as its second entry. */
function tiff(orientation: number, order: 'II' | 'MM'): Buffer {
  const bytes = Buffer.alloc(38)
  const [u16, u32] =
    order === 'II'
      ? [bytes.writeUInt16LE.bind(bytes), bytes.writeUInt32LE.bind(bytes)]
      : [bytes.writeUInt16BE.bind(bytes), bytes.writeUInt32BE.bind(bytes)]
  bytes.write(order, 'latin1')
  u16(42, 2)
  u32(8, 4)
  u16(2, 8)
  u16(0x010f, 10)
  u16(0x0112, 22)
  u16(3, 24)
  u32(1, 26)
  u16(orientation, 30)
  return bytes
}
const jpeg = (body: Buffer) =>
  Buffer.concat([Buffer.from('ffd8ffe10000', 'hex'), text('Exif\0\0'), body, Buffer.alloc(40)])
/** More than anybody would read of a file to find what may be behind it. */
const PICTURE = Buffer.alloc(300_000)
const chunk = (name: string, content: Buffer) => {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(content.length)
  return Buffer.concat([size, text(name), content, Buffer.alloc(4)])
}
const png = (body: Buffer) =>
  Buffer.concat([
    ...[text('\x89PNG\r\n\x1a\n'), chunk('IHDR', Buffer.alloc(13)), chunk('IDAT', PICTURE)],
    ...[chunk('eXIf', body), chunk('IEND', Buffer.alloc(0))],
  ])
const riff = (name: string, content: Buffer) => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(content.length)
  return Buffer.concat([text(name), size, content, Buffer.alloc(content.length & 1)])
}
const webp = (body: Buffer) =>
  Buffer.concat([
    ...[text('RIFF\0\0\0\0WEBP'), riff('VP8X', Buffer.alloc(10))],
    ...[riff('VP8 ', Buffer.concat([PICTURE, text('?')])), riff('EXIF', body)],
  ])
/** The picture first and its directory at the end, as libtiff writes them. */
const tiffFile = (body: Buffer) => {
  const little = body.toString('latin1', 0, 2) === 'II'
  const head = Buffer.from(body.subarray(0, 8))
  if (little) head.writeUInt32LE(8 + PICTURE.length, 4)
  else head.writeUInt32BE(8 + PICTURE.length, 4)
  return Buffer.concat([head, PICTURE, body.subarray(8)])
}

async function filterOf(bytes: Buffer) {
  const file = join(dir, 'photo')
  await writeFile(file, bytes)
  return exifFilter(file)
}

describe('a photo is turned as its EXIF says', () => {
  test.each([
    [1, undefined],
    [2, 'hflip'],
    [3, 'hflip,vflip'],
    [4, 'vflip'],
    [5, 'transpose=0'],
    [6, 'transpose=1'],
    [7, 'transpose=3'],
    [8, 'transpose=2'],
    [9, undefined],
  ])('orientation %i', async (orientation, filter) => {
    for (const order of ['II', 'MM'] as const) {
      for (const container of [jpeg, png, webp, tiffFile]) {
        expect(await filterOf(container(tiff(orientation, order)))).toBe(filter)
      }
    }
  })
  test('in a WebP that repeats the JPEG mark', async () => {
    const marked = Buffer.concat([text('Exif\0\0'), tiff(6, 'II')])
    expect(await filterOf(webp(marked))).toBe('transpose=1')
  })
})

test.each([
  [0, undefined],
  [1, 'transpose=2'],
  [2, 'hflip,vflip'],
  [3, 'transpose=1'],
])('an AVIF that is to be turned %i times against the clock', async (turns, filter) => {
  const about = Buffer.concat([text('\0\0\0\x09irot'), Buffer.from([turns]), PICTURE])
  expect(await filterOf(Buffer.concat([text('\0\0\0\x14ftypavif'), about]))).toBe(filter)
})

describe('what is no EXIF turns nothing', () => {
  test.each([
    ['an empty file', Buffer.alloc(0)],
    ['a video', Buffer.concat([text('\0\0\0\x20ftypisom'), Buffer.alloc(64)])],
    ['a JPEG without it', Buffer.from(`ffd8ffdb${'00'.repeat(64)}`, 'hex')],
    ['one that ends at once', jpeg(tiff(6, 'MM')).subarray(0, 16)],
    [
      'one whose directory lies outside',
      jpeg(Buffer.from('49492a00ffffff7f'.padEnd(60, '0'), 'hex')),
    ],
    [
      'one that claims 65 535 entries',
      jpeg(Buffer.from('49492a0008000000ffff'.padEnd(60, '0'), 'hex')),
    ],
    [
      'a PNG of chunks without an end',
      Buffer.concat([text('\x89PNG\r\n\x1a\n'), Buffer.alloc(999)]),
    ],
    [
      'a WebP whose chunk is larger than it',
      Buffer.concat([text('RIFF\0\0\0\0WEBPVP8 \xff\xff\xff\xff')]),
    ],
    ['noise after the mark', jpeg(Buffer.from('deadbeef'.repeat(8), 'hex'))],
  ])('%s', async (_, bytes) => expect(await filterOf(bytes)).toBeUndefined())
  test('cut off at any byte, it is read without a stumble', async () => {
    for (const whole of [jpeg(tiff(6, 'MM')), tiff(6, 'II')]) {
      for (let length = 0; length < whole.length; length++) {
        await filterOf(whole.subarray(0, length))
      }
    }
  })
})
