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
const png = (body: Buffer) =>
  Buffer.concat([text('\x89PNG\r\n\x1a\n'), Buffer.alloc(25), text('\0\0\0\x26eXIf'), body])
const webp = (body: Buffer) =>
  Buffer.concat([text('RIFF\0\0\0\0WEBPVP8X'), Buffer.alloc(14), text('EXIF\x26\0\0\0'), body])

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
      for (const container of [jpeg, png, webp]) {
        expect(await filterOf(container(tiff(orientation, order)))).toBe(filter)
      }
    }
  })
  test('in a WebP that repeats the JPEG mark', async () => {
    const marked = Buffer.concat([text('Exif\0\0'), tiff(6, 'II')])
    expect(await filterOf(webp(marked))).toBe('transpose=1')
  })
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
    ['noise after the mark', jpeg(Buffer.from('deadbeef'.repeat(8), 'hex'))],
  ])('%s', async (_, bytes) => expect(await filterOf(bytes)).toBeUndefined())
  test('cut off at any byte, it is read without a stumble', async () => {
    const whole = jpeg(tiff(6, 'MM'))
    for (let length = 0; length < whole.length; length++) await filterOf(whole.subarray(0, length))
  })
})
