// Pillow's weights have 22 fractional bits, too many for a multiplication of 16-bit pairs, so each comes
// in two parts: weight = high * 2^11 + low. Two taps are four 16-bit numbers: high, high, low, low. An
// output has as many such pairs as the widest one needs; taps that it does not have weigh 0.
const PRECISION: i32 = 22
const LOW_BITS: i32 = 11

/**
 * One row of Pillow's horizontal pass over three channels.
 *
 * @param src readable 8 bytes past the taps of each column
 * @param dst one byte past the row is written
 * @param taps per output column its first source column, i32, and `pairs` times four i16
 */
export function pillowRowRgb(src: usize, dst: usize, width: i32, taps: usize, pairs: i32): void {
  // the bytes r0 g0 b0 r1 g1 b1 as the 16-bit pairs r0 r1, g0 g1, b0 b1
  const twoPixels = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
  for (let x = 0; x < width; x++) {
    let at = src + 3 * load<i32>(taps)
    let two = i8x16.swizzle(v128.load64_zero(at), twoPixels)
    let high = i32x4.dot_i16x8_s(two, v128.load32_splat(taps, 4))
    let low = i32x4.dot_i16x8_s(two, v128.load32_splat(taps, 8))
    taps += 12
    for (let p = 1; p < pairs; p++) {
      at += 6
      two = i8x16.swizzle(v128.load64_zero(at), twoPixels)
      high = i32x4.add(high, i32x4.dot_i16x8_s(two, v128.load32_splat(taps)))
      low = i32x4.add(low, i32x4.dot_i16x8_s(two, v128.load32_splat(taps, 4)))
      taps += 8
    }
    const words = i16x8.narrow_i32x4_s(rounded(high, low), high)
    v128.store32_lane(dst + 3 * x, i8x16.narrow_i16x8_u(words, words), 0)
  }
}

/** The same over one channel; `pairs` is even. */
export function pillowRowGray(src: usize, dst: usize, width: i32, taps: usize, pairs: i32): void {
  // the bytes p0 p1 p2 p3 as the 16-bit pairs p0 p1, p0 p1, p2 p3, p2 p3
  const fourPixels = i8x16(0, -1, 1, -1, 0, -1, 1, -1, 2, -1, 3, -1, 2, -1, 3, -1)
  for (let x = 0; x < width; x++) {
    let at = src + load<i32>(taps)
    let sums = i32x4.splat(0)
    taps += 4
    for (let p = 0; p < pairs; p += 2) {
      const four = i8x16.swizzle(v128.load32_zero(at), fourPixels)
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(four, v128.load(taps)))
      at += 4
      taps += 16
    }
    const high = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 2)
    const low = i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 3)
    const value = ((high << LOW_BITS) + low + (1 << (PRECISION - 1))) >> PRECISION
    store<u8>(dst + x, max(0, min(255, value)) as u8)
  }
}

/**
 * One output row of Pillow's vertical pass, over any number of channels.
 *
 * @param src its first source row; readable for 2 * pairs rows
 * @param samples per row; up to 15 more are read and written
 * @param weights `pairs` times four i16
 */
export function pillowColumns(
  src: usize,
  stride: i32,
  dst: usize,
  samples: i32,
  weights: usize,
  pairs: i32,
): void {
  for (let x = 0; x < samples; x += 16) {
    let high0 = i32x4.splat(0)
    let high1 = i32x4.splat(0)
    let high2 = i32x4.splat(0)
    let high3 = i32x4.splat(0)
    let low0 = i32x4.splat(0)
    let low1 = i32x4.splat(0)
    let low2 = i32x4.splat(0)
    let low3 = i32x4.splat(0)
    let at = src + x
    let taps = weights
    for (let p = 0; p < pairs; p++) {
      const high = v128.load32_splat(taps)
      const low = v128.load32_splat(taps, 4)
      const a = v128.load(at)
      const b = v128.load(at + stride)
      const near = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const far = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      const s0 = i16x8.extend_low_i8x16_u(near)
      const s1 = i16x8.extend_high_i8x16_u(near)
      const s2 = i16x8.extend_low_i8x16_u(far)
      const s3 = i16x8.extend_high_i8x16_u(far)
      high0 = i32x4.add(high0, i32x4.dot_i16x8_s(s0, high))
      high1 = i32x4.add(high1, i32x4.dot_i16x8_s(s1, high))
      high2 = i32x4.add(high2, i32x4.dot_i16x8_s(s2, high))
      high3 = i32x4.add(high3, i32x4.dot_i16x8_s(s3, high))
      low0 = i32x4.add(low0, i32x4.dot_i16x8_s(s0, low))
      low1 = i32x4.add(low1, i32x4.dot_i16x8_s(s1, low))
      low2 = i32x4.add(low2, i32x4.dot_i16x8_s(s2, low))
      low3 = i32x4.add(low3, i32x4.dot_i16x8_s(s3, low))
      at += 2 * stride
      taps += 8
    }
    const front = i16x8.narrow_i32x4_s(rounded(high0, low0), rounded(high1, low1))
    const back = i16x8.narrow_i32x4_s(rounded(high2, low2), rounded(high3, low3))
    v128.store(dst + x, i8x16.narrow_i16x8_u(front, back))
  }
}

function rounded(high: v128, low: v128): v128 {
  const sum = i32x4.add(i32x4.shl(high, LOW_BITS), low)
  return i32x4.shr_s(i32x4.add(sum, i32x4.splat(1 << (PRECISION - 1))), PRECISION)
}
