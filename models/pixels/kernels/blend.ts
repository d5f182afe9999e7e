// Fractional bits of the coefficients: TO_YUV_BITS of color-matrix.ts.
const BITS: i32 = 22

/**
 * Adds mask * YUV(face - source) to a part of a 4:2:0 frame; a chroma sample takes the mean change of
 * the pixels around it.
 *
 * @param luma first sample, of an even row and column of the frame
 * @param source RGB of the part as it is, as `face`
 * @param mask 0 outside of what may change; 0 for 15 px past each row
 * @param width px, even; up to 7 more are read, and written unchanged
 * @param height px, even
 * @param color nine i32: y, u, v, each for red, green, blue
 * @param centered 1 where chroma samples lie between two columns, 0 where on the left one
 * @param left 1 where the part begins at the frame's first column, which then goes on
 * @param last column that goes on to the right, as the frame ends in it; -1 without
 * @param single luma row that is alone in its pair, as the frame ends in it; -1 without
 * @param sums scratch for three times width + 16 i32
 */
export function blendYuv(
  luma: usize,
  lumaStride: i32,
  u: usize,
  v: usize,
  chromaStride: i32,
  source: usize,
  sourceStride: i32,
  face: usize,
  faceStride: i32,
  mask: usize,
  maskStride: i32,
  width: i32,
  height: i32,
  color: usize,
  centered: i32,
  left: i32,
  last: i32,
  single: i32,
  sums: usize,
): void {
  const stride = 4 * (width + 16)
  const first = sums + 16
  for (let y = 0; y < height; y += 2) {
    memory.fill(sums, 0, 3 * stride)
    let changed = 0
    for (let row = y; row < y + 2; row++) {
      const shown = mask + row * maskStride
      const to = luma + row * lumaStride
      const from = source + row * sourceStride
      changed |= blendLuma(to, from, face + row * faceStride, shown, width, color, first, stride)
    }
    if (changed == 0) continue
    for (let plane = 0; plane < 3; plane++) {
      const columns = first + plane * stride
      if (left) store<i32>(columns - 4, load<i32>(columns))
      if (last >= 0) store<i32>(columns + 4 * last + 4, load<i32>(columns + 4 * last))
    }
    const at = (y >> 1) * chromaStride
    const shift = y == single ? BITS + 2 : BITS + 3
    blendChroma(u + at, v + at, width >> 1, color + 12, first, stride, centered, shift)
  }
}

/** One luma row; sums mask * (face - source) up per column. Returns whether anything was shown. */
function blendLuma(
  luma: usize,
  source: usize,
  face: usize,
  mask: usize,
  width: i32,
  color: usize,
  sums: usize,
  sumStride: i32,
): i32 {
  const red = v128.load32_splat(color)
  const green = v128.load32_splat(color, 4)
  const blue = v128.load32_splat(color, 8)
  let changed = 0
  for (let x = 0; x < width; x += 8) {
    const shown = v128.load64_zero(mask + x)
    if (!v128.any_true(shown)) continue
    changed = 1
    const m = i16x8.extend_low_i8x16_u(shown)
    const f0 = v128.load(face + 3 * x)
    const f1 = v128.load64_zero(face + 3 * x, 16)
    const s0 = v128.load(source + 3 * x)
    const s1 = v128.load64_zero(source + 3 * x, 16)
    const r = i16x8.sub(reds(f0, f1), reds(s0, s1))
    const g = i16x8.sub(greens(f0, f1), greens(s0, s1))
    const b = i16x8.sub(blues(f0, f1), blues(s0, s1))
    const rLow = i32x4.extmul_low_i16x8_s(r, m)
    const rHigh = i32x4.extmul_high_i16x8_s(r, m)
    const gLow = i32x4.extmul_low_i16x8_s(g, m)
    const gHigh = i32x4.extmul_high_i16x8_s(g, m)
    const bLow = i32x4.extmul_low_i16x8_s(b, m)
    const bHigh = i32x4.extmul_high_i16x8_s(b, m)
    const change = i16x8.narrow_i32x4_s(
      weighted(rLow, red, gLow, green, bLow, blue),
      weighted(rHigh, red, gHigh, green, bHigh, blue),
    )
    const sum = i16x8.add(i16x8.extend_low_i8x16_u(v128.load64_zero(luma + x)), change)
    v128.store64_lane(luma + x, i8x16.narrow_i16x8_u(sum, sum), 0)
    const column = sums + 4 * x
    accumulate(column, rLow, rHigh)
    accumulate(column + sumStride, gLow, gHigh)
    accumulate(column + 2 * sumStride, bLow, bHigh)
  }
  return changed
}

// One channel of eight pixels as 16-bit numbers; swizzles with constants, because V8 builds the masks of a
// general shuffle anew each time.

function reds(front: v128, back: v128): v128 {
  const a = i8x16.swizzle(front, i8x16(0, -1, 3, -1, 6, -1, 9, -1, 12, -1, 15, -1, -1, -1, -1, -1))
  const b = i8x16.swizzle(back, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, -1, 5, -1))
  return v128.or(a, b)
}

function greens(front: v128, back: v128): v128 {
  const a = i8x16.swizzle(front, i8x16(1, -1, 4, -1, 7, -1, 10, -1, 13, -1, -1, -1, -1, -1, -1, -1))
  const b = i8x16.swizzle(back, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, -1, 3, -1, 6, -1))
  return v128.or(a, b)
}

function blues(front: v128, back: v128): v128 {
  const a = i8x16.swizzle(front, i8x16(2, -1, 5, -1, 8, -1, 11, -1, 14, -1, -1, -1, -1, -1, -1, -1))
  const b = i8x16.swizzle(back, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, -1, 4, -1, 7, -1))
  return v128.or(a, b)
}

function weighted(r: v128, red: v128, g: v128, green: v128, b: v128, blue: v128): v128 {
  const rg = i32x4.add(i32x4.mul(r, red), i32x4.mul(g, green))
  const rgb = i32x4.add(rg, i32x4.mul(b, blue))
  return i32x4.shr_s(i32x4.add(rgb, i32x4.splat(1 << (BITS - 1))), BITS)
}

function accumulate(column: usize, low: v128, high: v128): void {
  v128.store(column, i32x4.add(v128.load(column), low))
  v128.store(column, i32x4.add(v128.load(column, 16), high), 16)
}

/** One chroma row from the sums of its luma rows. */
function blendChroma(
  u: usize,
  v: usize,
  width: i32,
  color: usize,
  sums: usize,
  sumStride: i32,
  centered: i32,
  shift: i32,
): void {
  const half = (1 as i64) << (shift - 1)
  for (let k = 0; k < width; k++) {
    const r = around(sums + 8 * k, centered)
    const g = around(sums + 8 * k + sumStride, centered)
    const b = around(sums + 8 * k + 2 * sumStride, centered)
    if ((r | g | b) == 0) continue
    const du = (dot(color, r, g, b) + half) >> shift
    const dv = (dot(color + 12, r, g, b) + half) >> shift
    store<u8>(u + k, clamped((load<u8>(u + k) as i64) + du))
    store<u8>(v + k, clamped((load<u8>(v + k) as i64) + dv))
  }
}

/** The columns around a chroma sample, weighted: their weights sum to 4. */
function around(at: usize, centered: i32): i64 {
  const before = 1 - centered
  const after = 1 + centered
  return (before * load<i32>(at - 4) + 2 * load<i32>(at) + after * load<i32>(at + 4)) as i64
}

function dot(color: usize, r: i64, g: i64, b: i64): i64 {
  return r * load<i32>(color) + g * load<i32>(color, 4) + b * load<i32>(color, 8)
}

function clamped(value: i64): u8 {
  return max<i64>(0, min<i64>(255, value)) as u8
}
