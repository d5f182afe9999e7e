import { type Image, copy, sizeOf } from '../../models/pixels/image.ts'
import { lanczosAxis, type Axis } from '../../models/pixels/resize/lanczos.ts'

const TAPS = 8

/** Everything that depends on the sizes only; make it once for many pictures of one size. */
export interface LanczosPlan {
  readonly from: string
  readonly to: string
  readonly x: Axis
  readonly y: Axis
  /** One row of vertical sums with four repeated samples at each end. */
  readonly row: Int32Array
}

/** Tap tables for one source size and one output size (px). */
export function lanczosPlan(src: Image, dst: Image): LanczosPlan {
  if (src.channels !== dst.channels) throw new RangeError(`${sizeOf(src)} to ${sizeOf(dst)}`)
  return {
    from: sizeOf(src),
    to: sizeOf(dst),
    x: lanczosAxis(src.width, dst.width),
    y: lanczosAxis(src.height, dst.height),
    row: new Int32Array((src.width + TAPS) * src.channels),
  }
}

/**
 * Resize with OpenCV's INTER_LANCZOS4 for 8 bits, bit for bit: eight taps an axis, no antialiasing
 * when shrinking.
 *
 * @param src any number of channels; may be a window of a larger picture
 * @param dst filled; its size is the output size
 * @see OpenCV 4.x modules/imgproc/src/resize.cpp, interpolateLanczos4, HResizeLanczos4,
 *   VResizeLanczos4. Both passes are exact integer sums with one rounding at the end, so that their
 *   order is free; vertical first needs one row of memory only.
 */
export function resizeLanczos4(src: Image, dst: Image, plan = lanczosPlan(src, dst)): void {
  if (plan.from !== sizeOf(src) || plan.to !== sizeOf(dst)) {
    throw new RangeError(
      `plan is for ${plan.from} to ${plan.to}, not ${sizeOf(src)} to ${sizeOf(dst)}`,
    )
  }
  if (plan.from === plan.to) return copy(src, dst)
  for (let y = 0; y < dst.height; y++) {
    sumRows(src, plan, y)
    if (src.channels === 3) sumColumns3(plan, dst, y)
    else sumColumns(plan, dst, y)
  }
}

/** plan.row = the eight source rows around output row y, weighted; edges repeated. */
function sumRows(
  { data, width, height, channels, offset, stride }: Image,
  plan: LanczosPlan,
  y: number,
) {
  const { row, y: { first, weights } } = plan // prettier-ignore
  const at = (j: number) => {
    const r = first[y]! + j
    return offset + (r < 0 ? 0 : r >= height ? height - 1 : r) * stride
  }
  const r0 = at(0), r1 = at(1), r2 = at(2), r3 = at(3) // prettier-ignore
  const r4 = at(4), r5 = at(5), r6 = at(6), r7 = at(7) // prettier-ignore
  const w = y * TAPS
  const w0 = weights[w]!, w1 = weights[w + 1]!, w2 = weights[w + 2]!, w3 = weights[w + 3]! // prettier-ignore
  const w4 = weights[w + 4]!, w5 = weights[w + 5]!, w6 = weights[w + 6]!, w7 = weights[w + 7]! // prettier-ignore
  const pad = (TAPS / 2) * channels
  const length = width * channels
  for (let i = 0; i < length; i++) {
    row[pad + i] =
      Math.imul(w0, data[r0 + i]!) +
      Math.imul(w1, data[r1 + i]!) +
      Math.imul(w2, data[r2 + i]!) +
      Math.imul(w3, data[r3 + i]!) +
      Math.imul(w4, data[r4 + i]!) +
      Math.imul(w5, data[r5 + i]!) +
      Math.imul(w6, data[r6 + i]!) +
      Math.imul(w7, data[r7 + i]!)
  }
  for (let i = 0; i < pad; i++) {
    row[i] = row[pad + (i % channels)]!
    row[pad + length + i] = row[length + pad - channels + (i % channels)]!
  }
}

function sumColumns3({ row, x: { first, weights } }: LanczosPlan, dst: Image, y: number) {
  const { data, width } = dst
  let out = dst.offset + y * dst.stride
  for (let x = 0, w = 0; x < width; x++, w += TAPS) {
    let r = 1 << 21
    let g = 1 << 21
    let b = 1 << 21
    let at = (first[x]! + TAPS / 2) * 3
    for (let j = 0; j < TAPS; j++, at += 3) {
      const weight = weights[w + j]!
      r = (r + Math.imul(weight, row[at]!)) | 0
      g = (g + Math.imul(weight, row[at + 1]!)) | 0
      b = (b + Math.imul(weight, row[at + 2]!)) | 0
    }
    data[out++] = clamp(r >> 22)
    data[out++] = clamp(g >> 22)
    data[out++] = clamp(b >> 22)
  }
}

function sumColumns({ row, x: { first, weights } }: LanczosPlan, dst: Image, y: number) {
  const { data, width, channels } = dst
  let out = dst.offset + y * dst.stride
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < channels; c++) {
      let sum = 1 << 21
      let at = (first[x]! + TAPS / 2) * channels + c
      for (let j = 0; j < TAPS; j++, at += channels) {
        sum = (sum + Math.imul(weights[x * TAPS + j]!, row[at]!)) | 0
      }
      data[out++] = clamp(sum >> 22)
    }
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}
