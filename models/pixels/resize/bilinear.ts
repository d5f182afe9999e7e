import type { Box } from '../image.ts'
import type { Raster } from '../kernel-memory.ts'
import type { Kernels } from '../kernels.ts'
import { roundHalfEven } from './round-half-even.ts'

const SCALE = 2048 // OpenCV's INTER_RESIZE_COEF_SCALE: weights have 11 fractional bits

export interface BilinearTables {
  /** Per output column its left source column, and two i16 weights. */
  readonly columns: Int32Array
  readonly rows: Axis
}

export function bilinearTables(side: number, width: number, height: number): BilinearTables {
  const { at0, q0, q1 } = bilinearAxis(side, width, true)
  const columns = new Int32Array(2 * width)
  for (let x = 0; x < width; x++) {
    columns[2 * x] = at0[x]!
    columns[2 * x + 1] = (q0[x]! & 0xffff) | (q1[x]! << 16)
  }
  return { columns, rows: bilinearAxis(side, height, false) }
}

/** A part of a picture of three channels as OpenCV would resize all of it bilinearly. */
export function resizeBilinear(
  { run, memory }: Kernels,
  src: Raster,
  { columns, rows: { at0, at1, q0, q1 } }: BilinearTables,
  [x1, y1, x2, y2]: Box,
  dst: Raster,
): void {
  const width = x2 - x1
  const [top, last] = [at0[y1]!, at1[y2 - 1]!]
  const stride = (6 * width + 31) & ~15
  const wide = memory.take((last + 1 - top) * stride) - top * stride
  const taps = memory.put(columns.subarray(2 * x1, 2 * x2))
  for (let y = top; y <= last; y++) {
    run.bilinearRowRgb(src.at + y * src.stride, wide + y * stride, width, taps)
  }
  for (let y = y1; y < y2; y++) {
    const [upper, lower] = [wide + at0[y]! * stride, wide + at1[y]! * stride]
    run.bilinearColumns(upper, lower, dst.at + (y - y1) * dst.stride, 3 * width, q0[y]!, q1[y]!)
  }
}

/** Two taps of one axis: output i = q0[i] * source[at0[i]] + q1[i] * source[at1[i]]. */
export interface Axis {
  readonly at0: Int32Array
  readonly at1: Int32Array
  readonly q0: Int32Array
  readonly q1: Int32Array
}

/** Taps for n source and d output samples. Rounding to single where OpenCV computes in float. */
export function bilinearAxis(n: number, d: number, horizontal: boolean): Axis {
  const axis = {
    at0: new Int32Array(d),
    at1: new Int32Array(d),
    q0: new Int32Array(d),
    q1: new Int32Array(d),
  }
  const scale = 1 / (d / n)
  for (let i = 0; i < d; i++) {
    const center = Math.fround((i + 0.5) * scale - 0.5)
    let s = Math.floor(center)
    let r = Math.fround(center - s)
    // only columns snap to the edge sample; rows keep their weights and meet the edge row twice
    if (horizontal && (s < 0 || s >= n - 1)) {
      s = s < 0 ? 0 : n - 1
      r = 0
    }
    axis.at0[i] = Math.min(Math.max(s, 0), n - 1)
    axis.at1[i] = Math.min(Math.max(s + 1, 0), n - 1)
    axis.q0[i] = roundHalfEven(Math.fround(1 - r) * SCALE)
    axis.q1[i] = roundHalfEven(r * SCALE)
  }
  return axis
}
