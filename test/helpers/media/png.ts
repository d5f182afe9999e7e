import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { type Image, image } from '../../../models/pixels/image.ts'

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 }

/** Read an 8-bit PNG without palette and interlacing: gray or RGB, with or without alpha. */
export function readPng(file: string): Image {
  const bytes = readFileSync(file)
  const packed: Buffer[] = []
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (type === 'IDAT') packed.push(bytes.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const width = bytes.readUInt32BE(16)
  const height = bytes.readUInt32BE(20)
  const channels = CHANNELS[bytes[25]!]
  if (bytes[24] !== 8 || !channels || bytes[28] !== 0) throw new Error(`${file}: not a plain PNG`)
  const picture = image(width, height, channels)
  unfilter(inflateSync(Buffer.concat(packed)), picture)
  return picture
}

function unfilter(raw: Buffer, { data, width, height, channels }: Image) {
  const length = width * channels
  for (let y = 0; y < height; y++) {
    const kind = raw[y * (length + 1)]!
    for (let i = 0; i < length; i++) {
      const at = y * length + i
      const a = i < channels ? 0 : data[at - channels]!
      const b = y === 0 ? 0 : data[at - length]!
      const c = i < channels || y === 0 ? 0 : data[at - length - channels]!
      const guess = kind === 1 ? a : kind === 2 ? b : kind === 3 ? (a + b) >> 1 : paeth(a, b, c)
      data[at] = raw[y * (length + 1) + 1 + i]! + (kind === 0 ? 0 : guess)
    }
  }
}

function paeth(a: number, b: number, c: number): number {
  const pa = Math.abs(b - c)
  const pb = Math.abs(a - c)
  const pc = Math.abs(a + b - 2 * c)
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}
