/**
 * One row of Pillow's paste under a mask: RGB over RGB.
 *
 * @param mask 0 for 15 px past the row
 * @param width px; up to 15 more are read, and written unchanged
 */
export function pasteRowRgb(frame: usize, face: usize, mask: usize, width: i32): void {
  for (let x = 0; x < width; x += 16) {
    const m = v128.load(mask + x)
    if (!v128.any_true(m)) continue
    const to = frame + 3 * x
    const from = face + 3 * x
    const m0 = i8x16.swizzle(m, i8x16(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5))
    const m1 = i8x16.swizzle(m, i8x16(5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10))
    const m2 = i8x16.swizzle(
      m,
      i8x16(10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15),
    )
    v128.store(to, over(v128.load(to), v128.load(from), m0))
    v128.store(to, over(v128.load(to, 16), v128.load(from, 16), m1), 16)
    v128.store(to, over(v128.load(to, 32), v128.load(from, 32), m2), 32)
  }
}

function over(under: v128, face: v128, mask: v128): v128 {
  const rest = v128.not(mask)
  const low = i16x8.add(i16x8.extmul_low_i8x16_u(under, rest), i16x8.extmul_low_i8x16_u(face, mask))
  const high = i16x8.add(
    i16x8.extmul_high_i8x16_u(under, rest),
    i16x8.extmul_high_i8x16_u(face, mask),
  )
  return i8x16.narrow_i16x8_u(divided(low), divided(high))
}

/** Nearest to value / 255, of unsigned 16-bit numbers up to 255 * 255. */
function divided(value: v128): v128 {
  const t = i16x8.add(value, i16x8.splat(128))
  return i16x8.shr_u(i16x8.add(i16x8.shr_u(t, 8), t), 8)
}

/** Each byte of a picture replaced by what a table of 256 bytes says of it. */
export function lookUp(data: usize, count: i32, table: usize): void {
  for (let i = 0; i < count; i++) store<u8>(data + i, load<u8>(table + load<u8>(data + i)))
}
