import type { Raster } from '../kernel-memory.ts'
import type { Kernels } from '../kernels.ts'
import { pillowTaps } from './pillow.ts'

const WEIGHT_BITS = 15
const PILLOW_BITS = 22
const PIXELS = 4 // that a block of taps is for
const BLOCK = 80 // bytes

export interface UpscaleTables {
  /** As `upscaleRowRgb` takes them. */
  readonly columns: Uint8Array
  readonly firstRow: Int32Array
  /** Of the row after the first one. */
  readonly rowWeights: Int32Array
}

/**
 * Tables to enlarge a square picture of three channels, or to keep its size.
 * @param d 4 to 16384, a power of two, which is why 15 bits are enough; at least as large as `n`
 */
export function upscaleTables(n: number, d: number): UpscaleTables {
  const { first, count, weights, most } = pillowTaps(n, d, 'bilinear')
  const rowWeights = Int32Array.from({ length: d }, (_, i) =>
    count[i] === 1
      ? 0
      : Math.min(
          2 ** WEIGHT_BITS - 1,
          Math.round(weights[i * most + 1]! / 2 ** (PILLOW_BITS - WEIGHT_BITS)),
        ),
  )
  const columns = new Uint8Array((d / PIXELS) * BLOCK)
  const view = new DataView(columns.buffer)
  for (let x = 0, at = 0; x < d; x += PIXELS, at += BLOCK) {
    view.setInt32(at, 3 * first[x]!, true)
    for (let i = 0; i < 16; i++) {
      const column = Math.min(d - 1, x + Math.floor(i / 3))
      const left = Math.min(12, 3 * (first[column]! - first[x]!)) + (i % 3)
      columns[at + 16 + i] = left
      columns[at + 32 + i] = count[column] === 1 ? left : Math.min(15, left + 3)
      view.setInt16(at + 48 + 2 * i, rowWeights[column]!, true)
    }
  }
  return { columns, firstRow: first, rowWeights }
}

/**
 * Enlarge a picture bilinearly as Pillow does, bit for bit.
 * @param src of the size that the tables were made for
 * @param dst up to 15 samples past each row are overwritten
 */
export function upscale(
  { run, memory }: Kernels,
  src: Raster,
  { columns, firstRow, rowWeights }: UpscaleTables,
  dst: Raster,
): void {
  const samples = 3 * dst.width
  const stride = (samples + 31) & ~15
  const wide = memory.take(src.height * stride)
  const taps = memory.put(columns)
  for (let y = 0; y < src.height; y++) {
    run.upscaleRowRgb(src.at + y * src.stride, wide + y * stride, dst.width, taps)
  }
  for (let y = 0; y < dst.height; y++) {
    const upper = firstRow[y]!
    const lower = Math.min(upper + 1, src.height - 1)
    const to = dst.at + y * dst.stride
    run.upscaleColumns(wide + upper * stride, wide + lower * stride, to, samples, rowWeights[y]!)
  }
}
