import { type Image, copy, image } from './image.ts'

const PRECISION = 22 // fractional bits of Pillow's 8-bit weights

/** A filter: half width in source samples, and its weight at distance x. */
interface Filter {
  readonly support: number
  readonly weight: (x: number) => number
}

const BILINEAR: Filter = {
  support: 1,
  weight: (x) => Math.max(0, 1 - Math.abs(x)),
}

const A = -0.5 // Pillow's bicubic; OpenCV has -0.75
const BICUBIC: Filter = {
  support: 2,
  weight: (signed) => {
    const x = Math.abs(signed)
    if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * A
    return 0
  },
}

const FILTERS = { bilinear: BILINEAR, bicubic: BICUBIC }

/**
 * Resize as Pillow does, bit for bit: antialiased when shrinking, rounded to 8 bits between the
 * horizontal and the vertical pass; a pass that changes no size is skipped.
 *
 * @param src any number of channels
 * @param dst filled; its size is the output size
 * @see Pillow src/libImaging/Resample.c, precompute_coeffs and ImagingResample*_8bpc
 */
export function resizePillow(src: Image, dst: Image, filter: keyof typeof FILTERS): void {
  if (src.channels !== dst.channels) throw new RangeError('pictures differ in channels')
  const wide = src.width === dst.width ? src : image(dst.width, src.height, src.channels)
  if (wide !== src) stretchRows(src, wide, taps(src.width, dst.width, FILTERS[filter]))
  if (src.height === dst.height) copy(wide, dst)
  else stretchColumns(wide, dst, taps(src.height, dst.height, FILTERS[filter]))
}

/** Output i is the sum of weights[i * most + j] * source[first[i] + j], j < count[i]. */
interface Taps {
  readonly first: Int32Array
  readonly count: Int32Array
  readonly weights: Int32Array
  readonly most: number
}

function taps(n: number, d: number, { support, weight }: Filter): Taps {
  const scale = n / d
  const stretch = Math.max(scale, 1)
  const reach = support * stretch
  const most = Math.ceil(reach) * 2 + 1
  const first = new Int32Array(d)
  const count = new Int32Array(d)
  const weights = new Int32Array(d * most)
  const real = new Float64Array(most)
  for (let i = 0; i < d; i++) {
    const centre = (i + 0.5) * scale
    const from = Math.max(Math.trunc(centre - reach + 0.5), 0)
    const to = Math.min(Math.trunc(centre + reach + 0.5), n)
    let sum = 0
    for (let j = 0; j < to - from; j++) {
      real[j] = weight((j + from - centre + 0.5) * (1 / stretch))
      sum += real[j]!
    }
    for (let j = 0; j < to - from; j++) {
      const q = (real[j]! / sum) * (1 << PRECISION)
      weights[i * most + j] = q < 0 ? Math.trunc(q - 0.5) : Math.trunc(q + 0.5)
    }
    first[i] = from
    count[i] = to - from
  }
  return { first, count, weights, most }
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
