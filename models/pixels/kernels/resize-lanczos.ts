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
    for (let x = 0; x < 3 * columns; x += 16) {
      sumRows(src + x, srcStride, top, rows - 1, at, row + pad + 4 * x)
    }
    repeatEdges(row, columns)
    for (let x = 0; x < width; x++) {
      let sample = row + (load<i32>(first + 4 * x) + 4) * 12
      let sum = i32x4.splat(1 << 21)
      for (let j = 0; j < 8; j++) {
        const weight = v128.load32_splat(weights + 32 * x + 4 * j)
        sum = i32x4.add(sum, i32x4.mul(v128.load(sample), weight))
        sample += 12
      }
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), sum)
      v128.store32_lane(dst + 3 * x, i8x16.narrow_i16x8_u(words, words), 0)
    }
    dst += dstStride
  }
}

/** 16 samples of eight weighted rows; rows outside 0..last repeat the edge row. */
function sumRows(src: usize, stride: i32, top: i32, last: i32, weights: usize, out: usize): void {
  let s0 = i32x4.splat(0)
  let s1 = i32x4.splat(0)
  let s2 = i32x4.splat(0)
  let s3 = i32x4.splat(0)
  for (let j = 0; j < 8; j += 2) {
    const weight = v128.load32_splat(weights + 2 * j)
    const a = v128.load(src + max(0, min(last, top + j)) * stride)
    const b = v128.load(src + max(0, min(last, top + j + 1)) * stride)
    const near = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
    const far = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(near), weight))
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(near), weight))
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(far), weight))
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(far), weight))
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
  v128.store(out, s2, 32)
  v128.store(out, s3, 48)
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
