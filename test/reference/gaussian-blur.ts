import { gaussianKernel } from '../../models/pixels/gaussian-kernel.ts'
import { type Image, copy, sameSize } from '../../models/pixels/image.ts'

/**
 * Blur one channel as OpenCV's GaussianBlur(src, (k, k), 0) does for 8 bits, bit for bit; borders
 * are mirrored without repeating the edge (REFLECT_101), as often as a small picture needs it.
 * All-zero rows cost next to nothing. `src` and `dst` may be the same picture.
 *
 * @see OpenCV 4.x modules/imgproc/src/smooth.simd.hpp, the fixed-point path
 */
export function gaussianBlur(src: Image, dst: Image, k: number): void {
  sameSize(src, dst)
  if (src.channels !== 1) throw new RangeError('blur takes one channel')
  if (k === 1) return copy(src, dst)
  const { width, height } = src
  const kernel = gaussianKernel(k)
  const half = (k - 1) / 2
  const sums = new Uint16Array(width * height) // horizontal sums: at most 255 * 256
  const empty = new Uint8Array(height)
  const line = new Uint8Array(width + 2 * half)
  for (let y = 0; y < height; y++) {
    const start = src.offset + y * src.stride
    empty[y] = isEmpty(src.data, start, width)
    if (empty[y]) continue
    for (let i = 0; i < line.length; i++) line[i] = src.data[start + reflect(i - half, width)]!
    blurLine(line, kernel, sums, y * width, width)
  }
  const total = new Int32Array(width)
  for (let y = 0; y < height; y++) {
    total.fill(1 << 15)
    for (let j = 0; j < k; j++) {
      const row = reflect(y + j - half, height)
      if (!empty[row]) addLine(total, sums, row * width, kernel[j]!)
    }
    const out = dst.offset + y * dst.stride
    for (let x = 0; x < width; x++) dst.data[out + x] = total[x]! >> 16
  }
}

function isEmpty(data: Uint8Array, start: number, length: number): number {
  for (let i = start; i < start + length; i++) if (data[i] !== 0) return 0
  return 1
}

function blurLine(
  line: Uint8Array,
  kernel: Int32Array,
  sums: Uint16Array,
  start: number,
  width: number,
) {
  const last = kernel.length - 1
  const half = last / 2
  for (let x = 0; x < width; x++) {
    let sum = Math.imul(line[x + half]!, kernel[half]!)
    for (let j = 0; j < half; j++) {
      sum = (sum + Math.imul(line[x + j]! + line[x + last - j]!, kernel[j]!)) | 0
    }
    sums[start + x] = sum
  }
}

function addLine(total: Int32Array, sums: Uint16Array, start: number, weight: number) {
  for (let x = 0; x < total.length; x++) {
    total[x] = total[x]! + Math.imul(sums[start + x]!, weight)
  }
}

/** Index i of a line of n samples, mirrored at 0 and n - 1 until it lies inside. */
function reflect(i: number, n: number): number {
  if (n === 1) return 0
  let at = i
  while (at < 0 || at >= n) at = at < 0 ? -at : 2 * n - 2 - at
  return at
}
