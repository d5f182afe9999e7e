import { roundHalfEven } from './resize/round-half-even.ts'

// OpenCV's fixed kernels, first half and center, in 1/256
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
