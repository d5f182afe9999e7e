// The sums of a row reach 255 * 256, so they are kept 32768 lower, as signed 16-bit numbers; the
// weights sum to 256, which brings the bias back as a constant.

/**
 * One row of the horizontal pass of OpenCV's 8-bit Gaussian blur: i16, each a weighted sum less 32768.
 *
 * @param src sample `half` before the first output; readable 16 bytes past the last sample
 * @param width up to 15 more are read and written
 * @param weights i16 each, from the outside to the center: half + 1
 */
export function blurRow(src: usize, dst: usize, width: i32, weights: usize, half: i32): void {
  const bias = i16x8.splat(-32768)
  for (let x = 0; x < width; x += 16) {
    const middle = v128.load(src + x + half)
    const center = v128.load16_splat(weights + 2 * half)
    let low = i16x8.mul(i16x8.extend_low_i8x16_u(middle), center)
    let high = i16x8.mul(i16x8.extend_high_i8x16_u(middle), center)
    let left = src + x
    let right = src + x + 2 * half
    for (let j = 0; j < half; j++) {
      const weight = v128.load16_splat(weights + 2 * j)
      const a = v128.load(left)
      const b = v128.load(right)
      const nearLow = i16x8.add(i16x8.extend_low_i8x16_u(a), i16x8.extend_low_i8x16_u(b))
      const nearHigh = i16x8.add(i16x8.extend_high_i8x16_u(a), i16x8.extend_high_i8x16_u(b))
      low = i16x8.add(low, i16x8.mul(nearLow, weight))
      high = i16x8.add(high, i16x8.mul(nearHigh, weight))
      left++
      right--
    }
    v128.store(dst + 2 * x, i16x8.add(low, bias))
    v128.store(dst + 2 * x, i16x8.add(high, bias), 16)
  }
}

/**
 * One output row of the vertical pass, of rows that `blurRow` made.
 *
 * @param src the row `half` above it
 * @param width up to 7 more are read and written
 * @param weights i16 each, all of them and a 0: 2 * half + 2. One row past the last is read
 */
export function blurColumns(
  src: usize,
  stride: i32,
  dst: usize,
  width: i32,
  weights: usize,
  half: i32,
): void {
  const start = i32x4.splat((32768 << 8) + (1 << 15))
  for (let x = 0; x < width; x += 8) {
    let low = start
    let high = start
    let at = src + 2 * x
    for (let j = 0; j <= 2 * half; j += 2) {
      const weight = v128.load32_splat(weights + 2 * j)
      const a = v128.load(at)
      const b = v128.load(at + stride)
      const near = i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
      const far = i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
      low = i32x4.add(low, i32x4.dot_i16x8_s(near, weight))
      high = i32x4.add(high, i32x4.dot_i16x8_s(far, weight))
      at += 2 * stride
    }
    const words = i16x8.narrow_i32x4_s(i32x4.shr_s(low, 16), i32x4.shr_s(high, 16))
    v128.store64_lane(dst + x, i8x16.narrow_i16x8_u(words, words), 0)
  }
}
