import { crc32 } from 'node:zlib'
import { type Image, image } from '../../../models/pixels/image.ts'

/** The test picture of the numeric goldens: (7x + 13y + 29c + (x*y >> 4)) & 255. */
export function pattern(width: number, height: number, channels = 3): Image {
  const picture = image(width, height, channels)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        picture.data[i++] = (7 * x + 13 * y + 29 * c + ((x * y) >> 4)) & 255
      }
    }
  }
  return picture
}

/** Pseudo-random bytes, the same for every run (mulberry32). */
export function noise(width: number, height: number, channels: number, seed = 1): Image {
  const picture = image(width, height, channels)
  let state = seed
  for (let i = 0; i < picture.data.length; i++) {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    picture.data[i] = t >>> 8
  }
  return picture
}

/** CRC-32 of a picture's bytes as eight hex digits; the picture must not be a window. */
export function crc(picture: Image): string {
  const bytes = picture.data.subarray(0, picture.width * picture.height * picture.channels)
  return crc32(bytes).toString(16).padStart(8, '0')
}

/** The same picture with channels 0 and 2 swapped (RGB to BGR and back). */
export function swapped(picture: Image): Image {
  const copy = image(picture.width, picture.height, 3, picture.data.slice())
  for (let i = 0; i < copy.data.length; i += 3) {
    copy.data[i] = picture.data[i + 2]!
    copy.data[i + 2] = picture.data[i]!
  }
  return copy
}

/** The samples of one pixel. */
export function pixel({ data, offset, stride, channels }: Image, x: number, y: number): number[] {
  const at = offset + y * stride + x * channels
  return [...data.subarray(at, at + channels)]
}

/** Sum of all bytes of a picture that is not a window. */
export function sum({ data }: Image): number {
  return data.reduce((total, value) => total + value, 0)
}
