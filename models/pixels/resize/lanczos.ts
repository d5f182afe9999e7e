import type { Raster } from '../kernel-memory.ts'
import type { Kernels } from '../kernels.ts'
import { roundHalfEven } from './round-half-even.ts'

const TAPS = 8
const SCALE = 2048 // OpenCV's INTER_RESIZE_COEF_SCALE: weights have 11 fractional bits
const H = Math.SQRT1_2
// sin and cos parts of the kernel's numerator for tap j, by the addition theorem (45 degrees a tap)
const SIN_PART = [1, -H, 0, H, -1, H, 0, -H]
const COS_PART = [0, -H, 1, -H, 0, H, -1, H]

/** Taps of one axis: output i is the sum of weights[8i+j] * source[first[i] + j], j = 0..7. */
export interface Axis {
  /** Source index of the first tap, -4 .. n-4; taps outside 0..n-1 repeat the edge sample. */
  readonly first: Int32Array
  /** Signed, 11 fractional bits. */
  readonly weights: Int32Array
}

/** What depends on the sizes only; make it once for many pictures of one size. */
export interface LanczosTables {
  readonly columns: number
  readonly rows: number
  readonly first: Int32Array
  readonly weights: Int32Array
  readonly firstRow: Int32Array
  readonly rowWeights: Int16Array
}

export function lanczosTables(columns: number, rows: number, side: number): LanczosTables {
  const x = lanczosAxis(columns, side)
  const y = lanczosAxis(rows, side)
  return {
    ...{ columns, rows, first: x.first, weights: x.weights },
    ...{ firstRow: y.first, rowWeights: Int16Array.from(y.weights) },
  }
}

/**
 * OpenCV's Lanczos4 to a square of three channels, rows without gaps.
 * @param src of the size that the tables were made for
 */
export function resizeLanczos4(
  { run, memory }: Kernels,
  src: Raster,
  tables: LanczosTables,
): Raster {
  const { columns, rows, first, weights, firstRow, rowWeights } = tables
  const side = first.length
  const dst = memory.takeRaster(side, side, 3)
  const at = [first, weights, firstRow, rowWeights].map((table) => memory.put(table))
  const row = memory.take(12 * (columns + 8))
  run.lanczosRgb(src.at, src.stride, columns, rows, dst.at, dst.stride, side, side, ...at, row)
  return dst
}

/** Taps for n source and d output samples. Rounding to single where OpenCV computes in float. */
export function lanczosAxis(n: number, d: number): Axis {
  const first = new Int32Array(d)
  const weights = new Int32Array(d * TAPS)
  const scale = 1 / (d / n)
  const taps = new Float32Array(TAPS)
  for (let i = 0; i < d; i++) {
    const center = Math.fround((i + 0.5) * scale - 0.5)
    const s = Math.floor(center)
    const r = Math.fround(center - s)
    const reach = Math.fround(r + 3)
    const theta = -reach * Math.PI * 0.25
    const sin = Math.sin(theta)
    const cos = Math.cos(theta)
    let sum = 0
    for (let j = 0; j < TAPS; j++) {
      const t = Math.fround(reach - j)
      const y = -t * Math.PI * 0.25
      // a tap on the sample itself: so large that all others vanish in the normalization
      taps[j] = Math.abs(t) < 1e-6 ? 1e30 : (SIN_PART[j]! * sin + COS_PART[j]! * cos) / (y * y)
      sum = Math.fround(sum + taps[j]!)
    }
    const inverse = Math.fround(1 / sum)
    for (let j = 0; j < TAPS; j++) {
      weights[i * TAPS + j] = roundHalfEven(Math.fround(Math.fround(taps[j]! * inverse) * SCALE))
    }
    first[i] = s - 3
  }
  return { first, weights }
}
