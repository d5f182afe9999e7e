import { type Coefficients, TO_YUV_BITS } from '../../models/pixels/color/color-matrix.ts'
import { type Box, type Image, crop, sameSize } from '../../models/pixels/image.ts'
import type { Yuv } from '../../models/pixels/yuv.ts'
import { readLine, rgbLine } from './yuv-to-rgb.ts'

/**
 * Lay an RGB face over a 4:2:0 frame under a mask, without a round trip through RGB: what is added
 * is the *change*, mask * YUV(face - source), so that a face equal to `regionToRgb` of the source
 * leaves every byte as it was. Luma changes only where the mask is not 0; a chroma sample takes the
 * mean change of the pixels around it (two by two; with left siting also the column before, for it
 * lies on its left column) and stays when there is none.
 *
 * @param frame changed in place
 * @param box inside the frame, px; may be odd
 * @param face three channels, as large as the box
 * @param mask one channel, as large as the box; 0 keeps the source, 255 shows the face
 */
export function blendRegion(
  frame: Yuv,
  color: Coefficients,
  box: Box,
  face: Image,
  mask: Image,
): void {
  const [x1, y1, x2, y2] = box
  const region = crop(frame.y, box)
  sameSize({ ...region, channels: 3 }, face)
  sameSize(region, mask)
  const width = x2 - x1
  const source = new Uint8Array(3 * width)
  const line = rgbLine(width)
  // Changed chroma is written one row late: the next luma row still interpolates from the old one.
  let change = chromaChange(width)
  let waiting = chromaChange(width)
  for (let top = y1 & ~1; top < y2; top += 2) {
    change.any = false
    for (let y = Math.max(top, y1); y < Math.min(top + 2, y2); y++) {
      const from = mask.offset + (y - y1) * mask.stride
      if (isEmpty(mask.data, from, width)) continue
      if (!change.any) clear(change)
      readLine(frame, color, x1, y, line, source, 0)
      const over = face.offset + (y - y1) * face.stride
      const out = region.offset + (y - y1) * region.stride
      blendLine(region.data, out, source, face.data, over, mask.data, from, color, change)
    }
    if (waiting.any) addChroma(frame, color, box, (top >> 1) - 1, waiting)
    ;[change, waiting] = [waiting, change]
  }
  if (waiting.any) addChroma(frame, color, box, (y2 - 1) >> 1, waiting)
}

/** Column sums of mask * (face - source) over a pair of rows; two spare columns at each end. */
interface ChromaDelta {
  readonly r: Int32Array
  readonly g: Int32Array
  readonly b: Int32Array
  any: boolean
}

function chromaChange(width: number): ChromaDelta {
  const column = () => new Int32Array(width + 4)
  return { r: column(), g: column(), b: column(), any: false }
}

function clear(change: ChromaDelta) {
  change.r.fill(0)
  change.g.fill(0)
  change.b.fill(0)
  change.any = true
}

function blendLine(
  luma: Uint8Array,
  out: number,
  source: Uint8Array,
  face: Uint8Array,
  over: number,
  mask: Uint8Array,
  from: number,
  color: Coefficients,
  change: ChromaDelta,
) {
  const { r, g, b } = change
  const [yr, yg, yb] = color.y
  const width = r.length - 4
  const half = 1 << (TO_YUV_BITS - 1)
  for (let i = 0, p = 0, f = over; i < width; i++, p += 3, f += 3) {
    const m = mask[from + i]!
    if (m === 0) continue
    const dr = Math.imul(m, face[f]! - source[p]!)
    const dg = Math.imul(m, face[f + 1]! - source[p + 1]!)
    const db = Math.imul(m, face[f + 2]! - source[p + 2]!)
    const dy = (Math.imul(yr, dr) + Math.imul(yg, dg) + Math.imul(yb, db) + half) >> TO_YUV_BITS
    luma[out + i] = clamp(luma[out + i]! + dy)
    r[i + 2] = r[i + 2]! + dr
    g[i + 2] = g[i + 2]! + dg
    b[i + 2] = b[i + 2]! + db
  }
}

function addChroma(
  { y, u, v }: Yuv,
  color: Coefficients,
  box: Box,
  row: number,
  change: ChromaDelta,
) {
  const [x1, , x2] = box
  const { r, g, b } = change
  for (const sums of [r, g, b]) {
    // past the frame's own edges its last column goes on
    if (x1 === 0) sums[1] = sums[2]!
    if (x2 === y.width && x2 % 2 === 1) sums[x2 - x1 + 2] = sums[x2 - x1 + 1]!
  }
  const [ur, ug, ub] = color.u
  const [vr, vg, vb] = color.v
  // weights of the columns 2k-1, 2k, 2k+1: their sum is 4 a row; an odd frame ends in a single row
  const before = color.centered ? 0 : 1
  const after = color.centered ? 2 : 1
  const one = 2 ** TO_YUV_BITS * (2 * row + 1 === y.height ? 4 : 8)
  const half = one / 2
  const uRow = u.offset + row * u.stride
  const vRow = v.offset + row * v.stride
  for (let k = x1 >> 1, i = 2 * k - x1 + 2; k < (x2 + 1) >> 1; k++, i += 2) {
    const dr = before * r[i - 1]! + 2 * r[i]! + after * r[i + 1]!
    const dg = before * g[i - 1]! + 2 * g[i]! + after * g[i + 1]!
    const db = before * b[i - 1]! + 2 * b[i]! + after * b[i + 1]!
    u.data[uRow + k] = clamp(u.data[uRow + k]! + (ur * dr + ug * dg + ub * db + half) / one)
    v.data[vRow + k] = clamp(v.data[vRow + k]! + (vr * dr + vg * dg + vb * db + half) / one)
  }
}

function isEmpty(data: Uint8Array, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (data[i] !== 0) return false
  return true
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}
