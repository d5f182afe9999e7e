import { type Image, sameSize } from '../../models/pixels/image.ts'

/**
 * One row of a structuring element: source pixels (x + left .. x + right, y + dy), both inclusive,
 * relative to the output pixel. Negative dy is above.
 */
export interface Span {
  readonly dy: number
  readonly left: number
  readonly right: number
}

/**
 * Set every pixel from which the element reaches a set one; outside the picture nothing is set.
 * Works on runs of set pixels, so the cost follows the outline of the mask, not its area times the
 * element's.
 *
 * @param src one channel; non-zero is set
 * @param dst same size, another memory; filled with 0 and 255
 * @see OpenCV cv2.dilate with a constant border
 */
export function dilate(src: Image, dst: Image, element: readonly Span[]): void {
  applyElement(src, dst, element, true)
}

/**
 * Keep only pixels from which the element reaches set ones alone; outside the picture all is set.
 * Parameters as in `dilate`.
 *
 * @see OpenCV cv2.erode with a constant border
 */
export function erode(src: Image, dst: Image, element: readonly Span[]): void {
  applyElement(src, dst, element, false)
}

/** Paint, for each run of set (erode: unset) pixels, all output pixels whose element meets it. */
function applyElement(src: Image, dst: Image, element: readonly Span[], set: boolean) {
  sameSize(src, dst)
  const { width, height } = src
  const ink = set ? 255 : 0
  for (let y = 0; y < height; y++) {
    const out = dst.offset + y * dst.stride
    dst.data.fill(255 - ink, out, out + width)
  }
  for (let y = 0; y < height; y++) {
    const start = src.offset + y * src.stride
    for (let x = 0; x < width; x++) {
      if ((src.data[start + x] !== 0) !== set) continue
      const from = x
      while (x + 1 < width && (src.data[start + x + 1] !== 0) === set) x++
      for (const { dy, left, right } of element) {
        const row = y - dy
        if (row < 0 || row >= height) continue
        const out = dst.offset + row * dst.stride
        const a = Math.max(0, from - right)
        const b = Math.min(width, x - left + 1)
        if (a < b) dst.data.fill(ink, out + a, out + b)
      }
    }
  }
}
