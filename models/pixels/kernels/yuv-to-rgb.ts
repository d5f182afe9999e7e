import { interleaveHigh, interleaveLow } from './lanes/interleave'

// Numbers of 16 bits: 6 fractional ones, and factors as LUMA_BITS and CHROMA_BITS of color-matrix.ts have them,
// so that a product is what q15mulr takes from both.
const FRACTION: i32 = 6
const HALF: i16 = 32

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
  const black = v128.load16_splat(color)
  const gain = v128.load16_splat(color, 4)
  const redV = v128.load16_splat(color, 8)
  const greenU = v128.load16_splat(color, 12)
  const greenV = v128.load16_splat(color, 16)
  const blueU = v128.load16_splat(color, 20)
  const centered = load<i32>(color, 24)
  const bytes = i16x8.splat(255)
  for (let y = 0; y < height; y++) {
    const near = (y >> 1) * chromaStride
    const other = y & 1 ? near + chromaStride : near - chromaStride
    for (let x = 0; x < width; x += 16) {
      const at = near + (x >> 1)
      const far = other + (x >> 1)
      const uHere = mixRows(u + at, u + far)
      const vHere = mixRows(v + at, v + far)
      const uNext = mixRows(u + at + 1, u + far + 1)
      const vNext = mixRows(v + at + 1, v + far + 1)
      let uEven: v128, vEven: v128, uOdd: v128, vOdd: v128
      if (centered) {
        uEven = column(nearer(uHere, mixRows(u + at - 1, u + far - 1)), 4)
        vEven = column(nearer(vHere, mixRows(v + at - 1, v + far - 1)), 4)
        uOdd = column(nearer(uHere, uNext), 4)
        vOdd = column(nearer(vHere, vNext), 4)
      } else {
        uEven = column(uHere, 6)
        vEven = column(vHere, 6)
        uOdd = column(i16x8.add(uHere, uNext), 5)
        vOdd = column(i16x8.add(vHere, vNext), 5)
      }
      const lumas = v128.load(luma + x)
      const even = gray(i16x8.sub(v128.and(lumas, bytes), black), gain)
      const odd = gray(i16x8.sub(i16x8.shr_u(lumas, 8), black), gain)
      storeSplit(
        i8x16.narrow_i16x8_u(level(even, vEven, redV), level(odd, vOdd, redV)),
        i8x16.narrow_i16x8_u(
          level(plus(even, uEven, greenU), vEven, greenV),
          level(plus(odd, uOdd, greenU), vOdd, greenV),
        ),
        i8x16.narrow_i16x8_u(level(even, uEven, blueU), level(odd, uOdd, blueU)),
        out + 3 * x,
      )
    }
    luma += lumaStride
    out += outStride
  }
}

/** Eight chroma samples of a luma row: 3/4 of the nearer chroma row, 1/4 of the other; times 4. */
function mixRows(near: usize, other: usize): v128 {
  return nearer(v128.load8x8_u(near), v128.load8x8_u(other))
}

/** Three times the one and the other. */
function nearer(a: v128, b: v128): v128 {
  return i16x8.add(i16x8.add(a, a), i16x8.add(a, b))
}

/** 256 times (chroma - 128): what is shifted has 16 bits without a sign. */
function column(sum: v128, shift: i32): v128 {
  return v128.xor(i16x8.shl(sum, shift), i16x8.splat(-32768))
}

/** Luma in its fixed-point form, and a half to round by. */
function gray(luma: v128, gain: v128): v128 {
  return i16x8.add(i16x8.relaxed_q15mulr_s(i16x8.shl(luma, 7), gain), i16x8.splat(HALF))
}

function plus(sum: v128, chroma: v128, factor: v128): v128 {
  return i16x8.add_sat_s(sum, i16x8.relaxed_q15mulr_s(chroma, factor))
}

function level(sum: v128, chroma: v128, factor: v128): v128 {
  return i16x8.shr_s(plus(sum, chroma, factor), FRACTION)
}

/**
 * 16 px and 4 bytes more; each plane holds its even columns, then its odd ones. Interleaving is one
 * instruction, where V8 builds the mask of a general shuffle anew each time.
 */
function storeSplit(r: v128, g: v128, b: v128, out: usize): void {
  const rgEven = interleaveLow(r, g)
  const rgOdd = interleaveHigh(r, g)
  const bEven = interleaveLow(b, b)
  const bOdd = interleaveHigh(b, b)
  storePixels(pairLow(rgEven, bEven), pairLow(rgOdd, bOdd), out)
  storePixels(pairHigh(rgEven, bEven), pairHigh(rgOdd, bOdd), out + 24)
}

/** Eight px of four bytes each, of which three are stored. */
function storePixels(even: v128, odd: v128, out: usize): void {
  const packed = i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)
  v128.store(out, i8x16.swizzle(i32x4.shuffle(even, odd, 0, 4, 1, 5), packed))
  v128.store(out, i8x16.swizzle(i32x4.shuffle(even, odd, 2, 6, 3, 7), packed), 12)
}

function pairLow(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
}

function pairHigh(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
}
