// Fractional bits of the coefficients: TO_RGB_BITS of color-matrix.ts.
const BITS: i32 = 20

/**
 * Planar 4:2:0 to interleaved RGB; chroma is interpolated linearly, as the scalar reference does it.
 *
 * @param luma first sample, of an even row and column of the frame
 * @param u chroma sample of that pixel; one more row and column is readable on every side
 * @param width px; up to 15 more are read and written
 * @param color black, luma, redV, greenU, greenV, blueU, centered: i32 each (see color-matrix.ts)
 */
export function yuvToRgb(
  luma: usize,
  lumaStride: i32,
  u: usize,
  v: usize,
  chromaStride: i32,
  width: i32,
  height: i32,
  color: usize,
  out: usize,
  outStride: i32,
): void {
  const black = i16x8.splat(load<i32>(color) as i16)
  const gain = i32x4.splat(load<i32>(color, 4))
  const redV = i32x4.splat(load<i32>(color, 8))
  const greenU = i32x4.splat(load<i32>(color, 12))
  const greenV = i32x4.splat(load<i32>(color, 16))
  const blueU = i32x4.splat(load<i32>(color, 20))
  const centered = load<i32>(color, 24)
  // An odd column lies between two samples; an even one on a sample (left siting), or near one.
  const here = i16x8.splat((2 + centered) as i16)
  const next = i16x8.splat((2 - centered) as i16)
  const bytes = i16x8.splat(255)
  for (let y = 0; y < height; y++) {
    const near = (y >> 1) * chromaStride
    const other = y & 1 ? near + chromaStride : near - chromaStride
    for (let x = 0; x < width; x += 16) {
      const at = near + (x >> 1)
      const far = other + (x >> 1)
      const uHere = mixRows(u + at, u + far)
      const vHere = mixRows(v + at, v + far)
      const uOdd = column(uHere, here, mixRows(u + at + 1, u + far + 1), next)
      const vOdd = column(vHere, here, mixRows(v + at + 1, v + far + 1), next)
      const uEven = evenColumn(uHere, mixRows(u + at - centered, u + far - centered))
      const vEven = evenColumn(vHere, mixRows(v + at - centered, v + far - centered))
      const lumas = v128.load(luma + x)
      const even = i16x8.sub(v128.and(lumas, bytes), black)
      const odd = i16x8.sub(i16x8.shr_u(lumas, 8), black)
      const evenLow = gray(i32x4.extend_low_i16x8_s(even), gain)
      const evenHigh = gray(i32x4.extend_high_i16x8_s(even), gain)
      const oddLow = gray(i32x4.extend_low_i16x8_s(odd), gain)
      const oddHigh = gray(i32x4.extend_high_i16x8_s(odd), gain)
      storeSplit(
        i8x16.narrow_i16x8_u(
          plusOne(evenLow, evenHigh, vEven, redV),
          plusOne(oddLow, oddHigh, vOdd, redV),
        ),
        i8x16.narrow_i16x8_u(
          plusTwo(evenLow, evenHigh, uEven, greenU, vEven, greenV),
          plusTwo(oddLow, oddHigh, uOdd, greenU, vOdd, greenV),
        ),
        i8x16.narrow_i16x8_u(
          plusOne(evenLow, evenHigh, uEven, blueU),
          plusOne(oddLow, oddHigh, uOdd, blueU),
        ),
        out + 3 * x,
      )
    }
    luma += lumaStride
    out += outStride
  }
}

/** Eight chroma samples of a luma row: 3/4 of the nearer chroma row, 1/4 of the other; times 4. */
function mixRows(near: usize, other: usize): v128 {
  return i16x8.add(i16x8.mul(v128.load8x8_u(near), i16x8.splat(3)), v128.load8x8_u(other))
}

/** 16 times (chroma - 128). */
function column(a: v128, weightA: v128, b: v128, weightB: v128): v128 {
  return i16x8.sub(i16x8.add(i16x8.mul(a, weightA), i16x8.mul(b, weightB)), i16x8.splat(2048))
}

function evenColumn(a: v128, b: v128): v128 {
  return i16x8.sub(i16x8.add(i16x8.mul(a, i16x8.splat(3)), b), i16x8.splat(2048))
}

function gray(luma: v128, gain: v128): v128 {
  return i32x4.add(i32x4.mul(luma, gain), i32x4.splat(1 << (BITS - 1)))
}

function plusOne(low: v128, high: v128, chroma: v128, weight: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(low, i32x4.mul(i32x4.extend_low_i16x8_s(chroma), weight)), BITS),
    i32x4.shr_s(i32x4.add(high, i32x4.mul(i32x4.extend_high_i16x8_s(chroma), weight)), BITS),
  )
}

function plusTwo(low: v128, high: v128, a: v128, weightA: v128, b: v128, weightB: v128): v128 {
  const lowA = i32x4.add(low, i32x4.mul(i32x4.extend_low_i16x8_s(a), weightA))
  const highA = i32x4.add(high, i32x4.mul(i32x4.extend_high_i16x8_s(a), weightA))
  return plusOne(lowA, highA, b, weightB)
}

/**
 * 16 px; each plane holds its even columns, then its odd ones. Swizzles with constants, because V8 builds
 * the masks of a general shuffle anew each time.
 */
function storeSplit(r: v128, g: v128, b: v128, out: usize): void {
  const r0 = i8x16.swizzle(r, i8x16(0, -1, -1, 8, -1, -1, 1, -1, -1, 9, -1, -1, 2, -1, -1, 10))
  const g0 = i8x16.swizzle(g, i8x16(-1, 0, -1, -1, 8, -1, -1, 1, -1, -1, 9, -1, -1, 2, -1, -1))
  const b0 = i8x16.swizzle(b, i8x16(-1, -1, 0, -1, -1, 8, -1, -1, 1, -1, -1, 9, -1, -1, 2, -1))
  v128.store(out, v128.or(v128.or(r0, g0), b0))
  const r1 = i8x16.swizzle(r, i8x16(-1, -1, 3, -1, -1, 11, -1, -1, 4, -1, -1, 12, -1, -1, 5, -1))
  const g1 = i8x16.swizzle(g, i8x16(10, -1, -1, 3, -1, -1, 11, -1, -1, 4, -1, -1, 12, -1, -1, 5))
  const b1 = i8x16.swizzle(b, i8x16(-1, 10, -1, -1, 3, -1, -1, 11, -1, -1, 4, -1, -1, 12, -1, -1))
  v128.store(out, v128.or(v128.or(r1, g1), b1), 16)
  const r2 = i8x16.swizzle(r, i8x16(-1, 13, -1, -1, 6, -1, -1, 14, -1, -1, 7, -1, -1, 15, -1, -1))
  const g2 = i8x16.swizzle(g, i8x16(-1, -1, 13, -1, -1, 6, -1, -1, 14, -1, -1, 7, -1, -1, 15, -1))
  const b2 = i8x16.swizzle(b, i8x16(5, -1, -1, 13, -1, -1, 6, -1, -1, 14, -1, -1, 7, -1, -1, 15))
  v128.store(out, v128.or(v128.or(r2, g2), b2), 32)
}
