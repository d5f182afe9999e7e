import type { Box } from '../image.ts'
import type { Raster } from '../kernel-memory.ts'
import type { Kernels } from '../kernels.ts'
import { roundHalfEven } from './round-half-even.ts'

const SCALE = 2048 // OpenCV's INTER_RESIZE_COEF_SCALE: weights have 11 fractional bits

export interface BilinearTables {
  readonly first: Int32Array
  readonly weights: Int16Array
  /** Two source rows per output row, and their weights. */
  readonly rows: Int32Array
  readonly rowWeights: Int16Array
}

export function bilinearTables(side: number, width: number, height: number): BilinearTables {
  const x = bilinearAxis(side, width, true)
  const y = bilinearAxis(side, height, false)
  return {
    first: x.at0,
    weights: Int16Array.from(pairs(x.q0, x.q1)),
    rows: Int32Array.from(pairs(y.at0, y.at1)),
    rowWeights: Int16Array.from(pairs(y.q0, y.q1)),
  }
}

function* pairs(a: Int32Array, b: Int32Array): Generator<number> {
  for (let i = 0; i < a.length; i++) {
    yield a[i]!
    yield b[i]!
  }
}

/** A part of a picture of three channels as OpenCV would resize all of it bilinearly. */
export function resizeBilinear(
  { run, memory }: Kernels,
  src: Raster,
  tables: BilinearTables,
  [x1, y1, x2, y2]: Box,
  dst: Raster,
): void {
  const { rows, rowWeights } = tables
  const [width, height] = [x2 - x1, y2 - y1]
  const top = rows[2 * y1]!
  const count = rows[2 * y2 - 1]! + 1 - top
  const stride = (6 * width + 31) & ~15
  const wide = memory.take(count * stride)
  const first = memory.put(tables.first.subarray(x1, x2))
  const weights = memory.put(tables.weights.subarray(2 * x1, 2 * x2))
  run.bilinearRowsRgb(
    src.at + top * src.stride,
    src.stride,
    wide,
    stride,
    width,
    count,
    first,
    weights,
  )
  const at = memory.put(rows.subarray(2 * y1, 2 * y2))
  const down = memory.put(rowWeights.subarray(2 * y1, 2 * y2))
  const from = wide - top * stride
  run.bilinearColumns(from, stride, dst.at, dst.stride, 3 * width, height, at, down)
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
