/**
 * OpenCV's bilinear resize, horizontal pass over three channels: rows of i16, 4 of the 11 fractional
 * bits of the weights dropped.
 *
 * @param first i32 per output column: the left one of its two source columns
 * @param weights two i16 per output column
 * @param src readable 8 bytes past each row
 * @param dst i16; one past each row is written
 */
export function bilinearRowsRgb(
  src: usize,
  srcStride: i32,
  dst: usize,
  dstStride: i32,
  width: i32,
  height: i32,
  first: usize,
  weights: usize,
): void {
  // the bytes r0 g0 b0 r1 g1 b1 as the 16-bit pairs r0 r1, g0 g1, b0 b1
  const twoPixels = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const two = v128.load64_zero(src + 3 * load<i32>(first + 4 * x))
      const pairs = i8x16.swizzle(two, twoPixels)
      const sum = i32x4.dot_i16x8_s(pairs, v128.load32_splat(weights + 4 * x))
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 4), sum)
      v128.store64_lane(dst + 6 * x, words, 0)
    }
    src += srcStride
    dst += dstStride
  }
}

/**
 * The vertical pass, of what `bilinearRowsRgb` made.
 *
 * @param rows two i32 per output row: the source rows that it lies between
 * @param weights two i16 per output row
 * @param samples per row; up to 15 more are read and written
 */
export function bilinearColumns(
  src: usize,
  srcStride: i32,
  dst: usize,
  dstStride: i32,
  samples: i32,
  height: i32,
  rows: usize,
  weights: usize,
): void {
  for (let y = 0; y < height; y++) {
    const upper = src + load<i32>(rows + 8 * y) * srcStride
    const lower = src + load<i32>(rows + 8 * y, 4) * srcStride
    const a = v128.load16_splat(weights + 4 * y)
    const b = v128.load16_splat(weights + 4 * y, 2)
    for (let x = 0; x < samples; x += 16) {
      const at = 2 * x
      const near = mixed(v128.load(upper + at), a, v128.load(lower + at), b)
      const far = mixed(v128.load(upper + at, 16), a, v128.load(lower + at, 16), b)
      v128.store(dst + x, i8x16.narrow_i16x8_u(near, far))
    }
    dst += dstStride
  }
}

function mixed(upper: v128, a: v128, lower: v128, b: v128): v128 {
  const low = i32x4.add(
    i32x4.shr_s(i32x4.extmul_low_i16x8_s(upper, a), 16),
    i32x4.shr_s(i32x4.extmul_low_i16x8_s(lower, b), 16),
  )
  const high = i32x4.add(
    i32x4.shr_s(i32x4.extmul_high_i16x8_s(upper, a), 16),
    i32x4.shr_s(i32x4.extmul_high_i16x8_s(lower, b), 16),
  )
  const two = i16x8.splat(2)
  return i16x8.shr_s(i16x8.add(i16x8.narrow_i32x4_s(low, high), two), 2)
}
