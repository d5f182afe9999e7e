/**
 * One row of OpenCV's bilinear resize, horizontal pass over three channels: i16, 4 of the 11 fractional
 * bits of the weights dropped.
 *
 * @param src readable 8 bytes past the row
 * @param dst i16; one past the row is written
 * @param taps per output column the left one of its two source columns, i32, and two i16 weights
 */
export function bilinearRowRgb(src: usize, dst: usize, width: i32, taps: usize): void {
  // the bytes r0 g0 b0 r1 g1 b1 as the 16-bit pairs r0 r1, g0 g1, b0 b1
  const twoPixels = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
  for (let x = 0; x < width; x++) {
    const two = v128.load64_zero(src + 3 * load<i32>(taps + 8 * x))
    const pairs = i8x16.swizzle(two, twoPixels)
    const sum = i32x4.dot_i16x8_s(pairs, v128.load32_splat(taps + 8 * x, 4))
    const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 4), sum)
    v128.store64_lane(dst + 6 * x, words, 0)
  }
}

/**
 * One output row of the vertical pass, between two rows that `bilinearRowRgb` made.
 *
 * @param samples per row; up to 15 more are read and written
 * @param a weight of the upper row, `b` of the lower: 11 fractional bits
 */
export function bilinearColumns(
  upper: usize,
  lower: usize,
  dst: usize,
  samples: i32,
  a: i32,
  b: i32,
): void {
  const above = i16x8.splat(a as i16)
  const below = i16x8.splat(b as i16)
  for (let x = 0; x < samples; x += 16) {
    const at = 2 * x
    const near = mixed(v128.load(upper + at), above, v128.load(lower + at), below)
    const far = mixed(v128.load(upper + at, 16), above, v128.load(lower + at, 16), below)
    v128.store(dst + x, i8x16.narrow_i16x8_u(near, far))
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
