import { type Image, sizeOf } from './image.ts'
import { roundHalfEven } from './round-half-even.ts'

const FINE = 1024 // OpenCV's fixed-point coordinates: 10 fractional bits, of which 5 are used

/**
 * Size of the box that the face-pose network looks at when it is given a whole frame: 1.25 times the
 * frame, made 3:4. Rounded to single where mmpose keeps float32: pixels depend on it.
 *
 * @returns width and height in frame px, around the frame's centre
 * @see mmpose 1.1 datasets/transforms: GetBBoxCenterScale, TopdownAffine
 */
export function poseExtent(width: number, height: number): readonly [number, number] {
  const w = Math.fround(width * 1.25)
  const h = Math.fround(height * 1.25)
  return w > h * 0.75 ? [w, Math.fround(w / 0.75)] : [Math.fround(h * 0.75), h]
}

/**
 * Scale a whole frame into the middle of the face-pose network's input; black outside the frame.
 *
 * @param dst filled: 288x384, channels as in `src`
 * @see mmpose 1.1 TopdownAffine; OpenCV 4.x warpAffine, bilinear (5.0 differs by up to 6 levels)
 */
export function warpPose(src: Image, dst: Image): void {
  const step = poseExtent(src.width, src.height)[0] / dst.width
  warpScale(
    src,
    dst,
    step,
    src.width / 2 - (dst.width / 2) * step,
    src.height / 2 - (dst.height / 2) * step,
  )
}

/**
 * OpenCV's warpAffine for a pure scale: bilinear in steps of 1/32 px, 0 outside, bit for bit.
 *
 * @param step source px per output px
 * @param left source x of output column 0
 * @param top source y of output row 0
 * @see OpenCV 4.x modules/imgproc/src/imgwarp.cpp, warpAffine and remapBilinear
 */
export function warpScale(src: Image, dst: Image, step: number, left: number, top: number): void {
  if (src.channels !== dst.channels) throw new RangeError(`${sizeOf(src)} to ${sizeOf(dst)}`)
  const { data, width, height, channels, offset, stride } = src
  const origin = roundHalfEven(left * FINE) + 16
  const columns = Int32Array.from(
    { length: dst.width },
    (_, u) => (roundHalfEven(step * u * FINE) + origin) >> 5,
  )
  for (let v = 0; v < dst.height; v++) {
    const at = (roundHalfEven((step * v + top) * FINE) + 16) >> 5
    const y = at >> 5
    const fy = at & 31
    let out = dst.offset + v * dst.stride
    for (let u = 0; u < dst.width; u++) {
      const x = columns[u]! >> 5
      const fx = columns[u]! & 31
      // a tap outside the picture is black: it loses its weight and reads some sample that exists
      const w00 = inside(x, width) && inside(y, height) ? (32 - fx) * (32 - fy) : 0
      const w10 = inside(x + 1, width) && inside(y, height) ? fx * (32 - fy) : 0
      const w01 = inside(x, width) && inside(y + 1, height) ? (32 - fx) * fy : 0
      const w11 = inside(x + 1, width) && inside(y + 1, height) ? fx * fy : 0
      const base = offset + y * stride + x * channels
      for (let c = 0; c < channels; c++) {
        let sum = 0
        if (w00 > 0) sum += w00 * data[base + c]!
        if (w10 > 0) sum += w10 * data[base + channels + c]!
        if (w01 > 0) sum += w01 * data[base + stride + c]!
        if (w11 > 0) sum += w11 * data[base + stride + channels + c]!
        dst.data[out++] = (sum * 32 + 16384) >> 15
      }
    }
  }
}

function inside(at: number, size: number): boolean {
  return at >= 0 && at < size
}
