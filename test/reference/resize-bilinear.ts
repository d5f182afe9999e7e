import { type Image, sizeOf } from '../../models/pixels/image.ts'
import { bilinearAxis, type Axis } from '../../models/pixels/resize/bilinear.ts'

/** Everything that depends on the sizes only; make it once for many pictures of one size. */
export interface BilinearPlan {
  readonly from: string
  readonly to: string
  readonly x: Axis
  readonly y: Axis
  /** Two source rows stretched to the output width, 4 of the 11 fractional bits dropped. */
  readonly rows: readonly [Int32Array, Int32Array]
}

/** Tap tables for one source size and one output size (px). */
export function bilinearPlan(src: Image, dst: Image): BilinearPlan {
  if (src.channels !== dst.channels) throw new RangeError(`${sizeOf(src)} to ${sizeOf(dst)}`)
  const samples = dst.width * dst.channels
  return {
    from: sizeOf(src),
    to: sizeOf(dst),
    x: bilinearAxis(src.width, dst.width, true),
    y: bilinearAxis(src.height, dst.height, false),
    rows: [new Int32Array(samples), new Int32Array(samples)],
  }
}

/**
 * Resize with OpenCV's INTER_LINEAR for 8 bits, bit for bit; no antialiasing when shrinking.
 *
 * @param src any number of channels; may be a window of a larger picture
 * @param dst filled; its size is the output size
 * @see OpenCV 4.x modules/imgproc/src/resize.cpp, HResizeLinear and VResizeLinear for uchar
 */
export function resizeBilinear(src: Image, dst: Image, plan = bilinearPlan(src, dst)): void {
  if (plan.from !== sizeOf(src) || plan.to !== sizeOf(dst)) {
    throw new RangeError(
      `plan is for ${plan.from} to ${plan.to}, not ${sizeOf(src)} to ${sizeOf(dst)}`,
    )
  }
  const { x, y: { at0, at1, q0, q1 } } = plan // prettier-ignore
  let [upper, lower] = plan.rows
  let inUpper = -1 // which source row each buffer holds
  let inLower = -1
  for (let y = 0; y < dst.height; y++) {
    if (inLower === at0[y]!) {
      ;[upper, lower] = [lower, upper]
      ;[inUpper, inLower] = [inLower, inUpper]
    }
    if (inUpper !== at0[y]!) resizeRow(src, (inUpper = at0[y]!), x, upper)
    if (inLower !== at1[y]!) resizeRow(src, (inLower = at1[y]!), x, lower)
    mixRows(upper, lower, q0[y]!, q1[y]!, dst.data, dst.offset + y * dst.stride)
  }
}

function resizeRow(src: Image, y: number, axis: Axis, row: Int32Array) {
  const { data, channels } = src
  const { at0, at1, q0, q1 } = axis
  const start = src.offset + y * src.stride
  const width = at0.length
  let out = 0
  for (let x = 0; x < width; x++) {
    const a = start + at0[x]! * channels
    const b = start + at1[x]! * channels
    const p = q0[x]!
    const q = q1[x]!
    for (let c = 0; c < channels; c++) {
      row[out++] = (Math.imul(data[a + c]!, p) + Math.imul(data[b + c]!, q)) >> 4
    }
  }
}

function mixRows(
  upper: Int32Array,
  lower: Int32Array,
  q0: number,
  q1: number,
  out: Uint8Array,
  start: number,
) {
  const length = upper.length
  for (let i = 0; i < length; i++) {
    const sum = (Math.imul(q0, upper[i]!) >> 16) + (Math.imul(q1, lower[i]!) >> 16)
    out[start + i] = (sum + 2) >> 2
  }
}
