import { type Image, copy, image } from '../../models/pixels/image.ts'
import { pillowTaps, type PillowFilter, type Taps } from '../../models/pixels/resize/pillow.ts'

const PRECISION = 22 // fractional bits of Pillow's 8-bit weights

/**
 * Resize as Pillow does, bit for bit: antialiased when shrinking, rounded to 8 bits between the
 * horizontal and the vertical pass; a pass that changes no size is skipped.
 *
 * @param src any number of channels
 * @param dst filled; its size is the output size
 * @see Pillow src/libImaging/Resample.c, precompute_coeffs and ImagingResample*_8bpc
 */
export function resizePillow(src: Image, dst: Image, filter: PillowFilter): void {
  if (src.channels !== dst.channels) throw new RangeError('pictures differ in channels')
  const wide = src.width === dst.width ? src : image(dst.width, src.height, src.channels)
  if (wide !== src) stretchRows(src, wide, pillowTaps(src.width, dst.width, filter))
  if (src.height === dst.height) copy(wide, dst)
  else stretchColumns(wide, dst, pillowTaps(src.height, dst.height, filter))
}

function stretchRows(src: Image, dst: Image, { first, count, weights, most }: Taps) {
  const { channels, data } = src
  const out = dst.data
  for (let y = 0; y < dst.height; y++) {
    let o = dst.offset + y * dst.stride
    const start = src.offset + y * src.stride
    for (let x = 0; x < dst.width; x++) {
      const n = count[x]!
      const w = x * most
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (PRECISION - 1)
        let at = start + first[x]! * channels + c
        for (let j = 0; j < n; j++, at += channels) {
          sum = (sum + Math.imul(weights[w + j]!, data[at]!)) | 0
        }
        out[o++] = clamp(sum >> PRECISION)
      }
    }
  }
}

function stretchColumns(src: Image, dst: Image, { first, count, weights, most }: Taps) {
  const { data, stride } = src
  const out = dst.data
  const length = dst.width * dst.channels
  for (let y = 0; y < dst.height; y++) {
    const o = dst.offset + y * dst.stride
    const start = src.offset + first[y]! * stride
    const n = count[y]!
    const w = y * most
    for (let i = 0; i < length; i++) {
      let sum = 1 << (PRECISION - 1)
      for (let j = 0, at = start + i; j < n; j++, at += stride) {
        sum = (sum + Math.imul(weights[w + j]!, data[at]!)) | 0
      }
      out[o + i] = clamp(sum >> PRECISION)
    }
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}
