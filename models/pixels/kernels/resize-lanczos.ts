import { interleaveHigh, interleaveLow } from './lanes/interleave'

/**
 * OpenCV's Lanczos4 over three channels. Both passes are exact integer sums with one rounding at the
 * end, so that their order is free; vertical first needs one row of memory only.
 *
 * @param first i32 per output column: its first source column, -4 .. columns - 4
 * @param weights eight i32 per output column
 * @param firstRow i32 per output row: its first source row, -3 ..
 * @param rowWeights eight i16 per output row
 * @param row scratch for columns + 8 px of three i32, and 16 px more
 * @param dst one byte past each row is written
 */
export function lanczosRgb(
  src: usize,
  srcStride: i32,
  columns: i32,
  rows: i32,
  dst: usize,
  dstStride: i32,
  width: i32,
  height: i32,
  first: usize,
  weights: usize,
  firstRow: usize,
  rowWeights: usize,
  row: usize,
): void {
  const pad: usize = 4 * 3 * 4
  for (let y = 0; y < height; y++) {
    const top = load<i32>(firstRow + 4 * y)
    const at = rowWeights + 16 * y
    const row0 = src + inside(top, rows) * srcStride
    const row1 = src + inside(top + 1, rows) * srcStride
    const row2 = src + inside(top + 2, rows) * srcStride
    const row3 = src + inside(top + 3, rows) * srcStride
    const row4 = src + inside(top + 4, rows) * srcStride
    const row5 = src + inside(top + 5, rows) * srcStride
    const row6 = src + inside(top + 6, rows) * srcStride
    const row7 = src + inside(top + 7, rows) * srcStride
    const weight0 = v128.load32_splat(at)
    const weight1 = v128.load32_splat(at, 4)
    const weight2 = v128.load32_splat(at, 8)
    const weight3 = v128.load32_splat(at, 12)
    for (let x = 0; x < 3 * columns; x += 16) {
      const a = v128.load(row0 + x)
      const b = v128.load(row1 + x)
      const c = v128.load(row2 + x)
      const d = v128.load(row3 + x)
      const e = v128.load(row4 + x)
      const f = v128.load(row5 + x)
      const g = v128.load(row6 + x)
      const h = v128.load(row7 + x)
      const out = row + pad + 4 * x
      const ab = interleaveLow(a, b)
      const cd = interleaveLow(c, d)
      const ef = interleaveLow(e, f)
      const gh = interleaveLow(g, h)
      storeSums(out, ab, weight0, cd, weight1, ef, weight2, gh, weight3)
      const AB = interleaveHigh(a, b)
      const CD = interleaveHigh(c, d)
      const EF = interleaveHigh(e, f)
      const GH = interleaveHigh(g, h)
      storeSums(out + 32, AB, weight0, CD, weight1, EF, weight2, GH, weight3)
    }
    repeatEdges(row, columns)
    for (let x = 0; x < width; x++) {
      const sample = row + (load<i32>(first + 4 * x) + 4) * 12
      const at = weights + 32 * x
      const near = sumOf(
        tap(sample, at),
        tap(sample + 12, at + 4),
        tap(sample + 24, at + 8),
        tap(sample + 36, at + 12),
      )
      const far = sumOf(
        tap(sample + 48, at + 16),
        tap(sample + 60, at + 20),
        tap(sample + 72, at + 24),
        tap(sample + 84, at + 28),
      )
      const sum = i32x4.add(i32x4.add(near, far), i32x4.splat(1 << 21))
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), sum)
      v128.store32_lane(dst + 3 * x, i8x16.narrow_i16x8_u(words, words), 0)
    }
    dst += dstStride
  }
}

function tap(sample: usize, weight: usize): v128 {
  return i32x4.mul(v128.load(sample), v128.load32_splat(weight))
}

/** Rows outside 0..rows - 1 repeat the edge row. */
function inside(y: i32, rows: i32): i32 {
  return max(0, min(rows - 1, y))
}

/** Eight samples of eight weighted rows, two and two of which lie in one number. */
function storeSums(
  out: usize,
  ab: v128,
  w0: v128,
  cd: v128,
  w1: v128,
  ef: v128,
  w2: v128,
  gh: v128,
  w3: v128,
): void {
  v128.store(out, sumOf(dotLow(ab, w0), dotLow(cd, w1), dotLow(ef, w2), dotLow(gh, w3)))
  v128.store(out, sumOf(dotHigh(ab, w0), dotHigh(cd, w1), dotHigh(ef, w2), dotHigh(gh, w3)), 16)
}

function sumOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return i32x4.add(i32x4.add(a, b), i32x4.add(c, d))
}

function dotLow(pairs: v128, weights: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(pairs), weights)
}

function dotHigh(pairs: v128, weights: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(pairs), weights)
}

/** Four samples before the first one and after the last one. */
function repeatEdges(row: usize, columns: i32): void {
  const start = row + 48
  const end = start + (columns - 1) * 12
  for (let c = 0; c < 12; c += 4) {
    const left = load<i32>(start + c)
    const right = load<i32>(end + c)
    for (let i = 12; i <= 48; i += 12) {
      store<i32>(start + c - i, left)
      store<i32>(end + c + i, right)
    }
  }
}
