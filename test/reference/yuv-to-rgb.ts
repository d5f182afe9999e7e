import type { Coefficients } from '../../models/pixels/color/color-matrix.ts'
import { type Box, type Image, crop, sameSize } from '../../models/pixels/image.ts'
import type { Yuv } from '../../models/pixels/yuv.ts'

/**
 * Convert a region to RGB; chroma is interpolated linearly between its samples, also across the
 * region's edges.
 *
 * @param box inside the frame, px; may be odd
 * @param out filled: three channels, as large as the box
 */
export function regionToRgb(frame: Yuv, color: Coefficients, box: Box, out: Image): void {
  sameSize({ ...crop(frame.y, box), channels: 3 }, out)
  const line = rgbLine(out.width)
  for (let y = box[1]; y < box[3]; y++) {
    readLine(frame, color, box[0], y, line, out.data, out.offset + (y - box[1]) * out.stride)
  }
}

/** Chroma of one line of a region, stretched to luma size: 16 times (sample - 128). */
export interface RgbRow {
  readonly u: Int32Array
  readonly v: Int32Array
}

/** Scratch memory for lines of `width` px. */
export function rgbLine(width: number): RgbRow {
  return { u: new Int32Array(width), v: new Int32Array(width) }
}

/** Convert the pixels (x1 .., y) of a frame, as many as the line is long, to RGB at out[start]. */
export function readLine(
  frame: Yuv,
  color: Coefficients,
  x1: number,
  y: number,
  line: RgbRow,
  out: Uint8Array,
  start: number,
): void {
  stretchChroma(frame.u, x1, y, color.centered, line.u)
  stretchChroma(frame.v, x1, y, color.centered, line.v)
  toRgb(frame.y.data, frame.y.offset + y * frame.y.stride + x1, line, color, out, start)
}

function stretchChroma(plane: Image, x1: number, y: number, centered: boolean, out: Int32Array) {
  const { data, width, height, offset, stride } = plane
  // a chroma row lies midway between its two luma rows: 3/4 of it, 1/4 of the next nearest
  const near = y >> 1
  const other = Math.min(Math.max(near + ((y & 1) === 0 ? -1 : 1), 0), height - 1)
  const a = offset + near * stride
  const b = offset + other * stride
  const last = width - 1
  const from = x1 >> 1
  const to = (x1 + out.length - 1) >> 1
  let before = from > 0 ? from - 1 : 0
  let left = 3 * data[a + before]! + data[b + before]!
  let here = 3 * data[a + from]! + data[b + from]!
  for (let k = from, i = 2 * from - x1; k <= to; k++, i += 2) {
    const next = k < last ? k + 1 : last
    const right = 3 * data[a + next]! + data[b + next]!
    // writes outside the line (an odd edge) are dropped by the typed array
    if (i >= 0) out[i] = (centered ? 3 * here + left : 4 * here) - 2048
    if (i + 1 < out.length) out[i + 1] = (centered ? 3 * here + right : 2 * (here + right)) - 2048
    left = here
    here = right
  }
}

const FRACTION = 6 // bits of what is summed up

function toRgb(
  luma: Uint8Array,
  from: number,
  { u, v }: RgbRow,
  { black, luma: gain, redV, greenU, greenV, blueU }: Coefficients,
  out: Uint8Array,
  start: number,
) {
  const half = 1 << (FRACTION - 1)
  const length = u.length
  for (let i = 0, o = start; i < length; i++, o += 3) {
    const gray = product((luma[from + i]! - black) << 7, gain) + half
    const cu = u[i]! << 4
    const cv = v[i]! << 4
    const r = (gray + product(cv, redV)) >> FRACTION
    const g = (gray + product(cu, greenU) + product(cv, greenV)) >> FRACTION
    const b = (gray + product(cu, blueU)) >> FRACTION
    out[o] = r < 0 ? 0 : r > 255 ? 255 : r
    out[o + 1] = g < 0 ? 0 : g > 255 ? 255 : g
    out[o + 2] = b < 0 ? 0 : b > 255 ? 255 : b
  }
}

/** As vector units multiply numbers of 16 bits: the upper half, rounded. */
const product = (a: number, b: number): number => (Math.imul(a, b) + (1 << 14)) >> 15
