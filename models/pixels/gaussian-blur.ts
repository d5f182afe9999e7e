import { type Image, copy, sameSize } from './image.ts'
import { roundHalfEven } from './round-half-even.ts'

// OpenCV's fixed kernels, first half and centre, in 1/256
const SMALL: Readonly<Record<number, readonly number[]>> = {
  1: [256],
  3: [64, 128],
  5: [16, 64, 96],
  7: [8, 28, 56, 72],
  9: [4, 13, 30, 51, 60],
}

/**
 * The k weights (1/256 each, sum 256) of OpenCV's 8-bit Gaussian kernel with automatic sigma.
 *
 * @param k odd size in px; sigma = 0.3 * ((k - 1) / 2 - 1) + 0.8
 * @see OpenCV 4.x modules/imgproc/src/smooth.dispatch.cpp, getGaussianKernelFixedPoint_ED
 */
export function gaussianKernel(k: number): Int32Array {
  if (!(k > 0 && k % 2 === 1)) throw new RangeError(`the kernel size must be odd, not ${k}`)
  const half = (k - 1) / 2
  const kernel = new Int32Array(k)
  const left = SMALL[k] ?? kernelTail(k, half)
  for (let j = 0; j <= half; j++) kernel[j] = kernel[k - 1 - j] = left[j]!
  return kernel
}

/** Weights 0..half: from the outside inwards, each rounding error carried on to the next weight. */
function kernelTail(k: number, half: number): number[] {
  const sigma = 0.3 * (half - 1) + 0.8
  const bell = Array.from({ length: k }, (_, j) =>
    Math.exp(-((j - half) ** 2) / (2 * sigma * sigma)),
  )
  const total = bell.reduce((sum, value) => sum + value, 0)
  const weights: number[] = []
  let error = 0
  let sum = 0
  for (let j = 0; j < half; j++) {
    const exact = (256 * bell[j]!) / total + error
    weights[j] = roundHalfEven(exact)
    error = exact - weights[j]!
    sum += 2 * weights[j]!
  }
  weights[half] = 256 - sum
  return weights
}

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
