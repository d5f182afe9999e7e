import type { Box } from '../image.ts'
import type { KernelMemory, Raster } from '../kernel-memory.ts'
import type { Kernels } from '../kernels.ts'

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
export type PillowFilter = keyof typeof FILTERS

interface PillowAxis {
  readonly first: Int32Array
  /** Per output: the first source sample, then its weights two by two, their high parts before the low. */
  readonly taps: Int32Array
  /** Of weights, of each output. */
  readonly pairs: number
}

export interface PillowTables {
  readonly x: PillowAxis
  readonly y: PillowAxis
}

export function pillowTables(
  [columns, rows]: readonly [number, number],
  [width, height]: readonly [number, number],
  filter: PillowFilter,
): PillowTables {
  const x = pillowAxis(columns, width, filter)
  const square = columns === rows && width === height
  return { x, y: square ? x : pillowAxis(rows, height, filter) }
}

const LOW_BITS = 11

function pillowAxis(n: number, d: number, filter: PillowFilter): PillowAxis {
  const { first, count, weights, most } = pillowTaps(n, d, filter)
  // bicubic is for masks, whose one channel is summed four taps at a time
  const step = filter === 'bicubic' ? 2 : 1
  const pairs = Math.ceil(Math.max(...count) / (2 * step)) * step
  const length = 1 + 2 * pairs
  const taps = new Int32Array(d * length)
  const parts = new Int16Array(taps.buffer)
  for (let i = 0; i < d; i++) {
    taps[i * length] = first[i]!
    for (let j = 0; j < count[i]!; j++) {
      const weight = weights[i * most + j]!
      const at = 2 * (i * length + 1) + 4 * (j >> 1) + (j & 1)
      parts[at] = weight >> LOW_BITS
      parts[at + 2] = weight & ((1 << LOW_BITS) - 1)
    }
  }
  return { first, taps, pairs }
}

/**
 * A part of a picture as Pillow would resize all of it, bit for bit: antialiased when shrinking, rounded
 * to 8 bits between the horizontal and the vertical pass.
 *
 * @param src one or three channels
 * @param part box of the output that is wanted
 * @param dst as large as the part; up to 15 samples past each row are overwritten
 * @see Pillow src/libImaging/Resample.c, precompute_coeffs and ImagingResample*_8bpc
 */
export function resizePillow(
  { run, memory }: Kernels,
  src: Raster,
  { x, y }: PillowTables,
  [x1, y1, x2, y2]: Box,
  dst: Raster,
): void {
  const { width, height, channels } = dst
  const top = y.first[y1]!
  const end = Math.min(src.height, y.first[y2 - 1]! + 2 * y.pairs)
  // rows past the last have no weight, but are read
  const samples = width * channels
  const stride = (samples + 15) & ~15
  const wide = memory.take((end - top + 2 * y.pairs) * stride) - top * stride
  const across = channels === 3 ? run.pillowRowRgb : run.pillowRowGray
  const columns = putTaps(memory, x, x1, x2)
  for (let row = top; row < end; row++) {
    across(src.at + row * src.stride, wide + row * stride, width, columns, x.pairs)
  }
  const rows = putTaps(memory, y, y1, y2)
  for (let i = 0; i < height; i++) {
    const from = wide + y.first[y1 + i]! * stride
    const weights = rows + 4 * (i * (1 + 2 * y.pairs) + 1)
    run.pillowColumns(from, stride, dst.at + i * dst.stride, samples, weights, y.pairs)
  }
}

const putTaps = (memory: KernelMemory, { taps, pairs }: PillowAxis, a: number, b: number) =>
  memory.put(taps.subarray((1 + 2 * pairs) * a, (1 + 2 * pairs) * b))

/** Output i is the sum of weights[i * most + j] * source[first[i] + j], j < count[i]. */
export interface Taps {
  readonly first: Int32Array
  readonly count: Int32Array
  readonly weights: Int32Array
  readonly most: number
}

/** Taps for n source and d output samples. */
export function pillowTaps(n: number, d: number, filter: PillowFilter): Taps {
  const { support, weight } = FILTERS[filter]
  const scale = n / d
  const stretch = Math.max(scale, 1)
  const reach = support * stretch
  const most = Math.ceil(reach) * 2 + 1
  const first = new Int32Array(d)
  const count = new Int32Array(d)
  const weights = new Int32Array(d * most)
  const real = new Float64Array(most)
  for (let i = 0; i < d; i++) {
    const center = (i + 0.5) * scale
    const from = Math.max(Math.trunc(center - reach + 0.5), 0)
    const to = Math.min(Math.trunc(center + reach + 0.5), n)
    let sum = 0
    for (let j = 0; j < to - from; j++) {
      real[j] = weight((j + from - center + 0.5) * (1 / stretch))
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
