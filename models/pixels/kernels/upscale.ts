// Bilinear enlarging with weights of 15 bits: a + (b - a) * weight, rounded. Pillow has 22 bits, which makes no
// difference where the output has 2^14 samples or fewer, and as many as a power of two: weights end before.

/**
 * One row, over three channels, four px at a time.
 *
 * @param src readable 16 bytes from each address
 * @param dst four bytes past the row are written
 * @param taps for four columns each: address in the row, i32, and nothing for 12 bytes; which of the 16 bytes
 *   there is the left one for each of 16 samples, and which the right one; the right ones' weights, i16
 */
export function upscaleRowRgb(src: usize, dst: usize, width: i32, taps: usize): void {
  for (let x = 0; x < width; x += 4) {
    const near = v128.load(src + load<i32>(taps))
    const left = i8x16.relaxed_swizzle(near, v128.load(taps, 16))
    const right = i8x16.relaxed_swizzle(near, v128.load(taps, 32))
    v128.store(dst, between(left, right, v128.load(taps, 48), v128.load(taps, 64)))
    taps += 80
    dst += 12
  }
}

/**
 * One row between two others.
 *
 * @param samples per row; up to 15 more are read and written
 * @param weight of the lower row, 15 bits
 */
export function upscaleColumns(
  upper: usize,
  lower: usize,
  dst: usize,
  samples: i32,
  weight: i32,
): void {
  const weights = i16x8.splat(weight as i16)
  for (let x = 0; x < samples; x += 16) {
    v128.store(dst + x, between(v128.load(upper + x), v128.load(lower + x), weights, weights))
  }
}

function between(a: v128, b: v128, low: v128, high: v128): v128 {
  const aLow = i16x8.extend_low_i8x16_u(a)
  const aHigh = i16x8.extend_high_i8x16_u(a)
  const stepLow = i16x8.sub(i16x8.extend_low_i8x16_u(b), aLow)
  const stepHigh = i16x8.sub(i16x8.extend_high_i8x16_u(b), aHigh)
  return i8x16.narrow_i16x8_u(
    i16x8.add(aLow, i16x8.relaxed_q15mulr_s(stepLow, low)),
    i16x8.add(aHigh, i16x8.relaxed_q15mulr_s(stepHigh, high)),
  )
}
