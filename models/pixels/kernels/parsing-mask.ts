// Masks of 512 columns: a row is 64 bytes, a pixel one bit, the lowest bit of a byte the leftmost pixel.
const ROW: i32 = 64
const ROWS: i32 = 512

/**
 * The pixels of up to four classes.
 *
 * @param classes 512x512 bytes
 * @param ids four bytes; those that are not needed repeat another
 */
export function pickClasses(classes: usize, ids: u32, out: usize): void {
  const a = i8x16.splat(ids as i8)
  const b = i8x16.splat((ids >> 8) as i8)
  const c = i8x16.splat((ids >> 16) as i8)
  const d = i8x16.splat((ids >> 24) as i8)
  for (let i = 0; i < 512 * 512; i += 16) {
    const found = v128.load(classes + i)
    const ab = v128.or(i8x16.eq(found, a), i8x16.eq(found, b))
    const cd = v128.or(i8x16.eq(found, c), i8x16.eq(found, d))
    store<u16>(out + (i >> 3), i8x16.bitmask(v128.or(ab, cd)) as u16)
  }
}

/**
 * MuseTalk's growth of the skin, downwards at the chin: dilation by a cone of 11 rows, one pixel wide
 * at its tip 6 rows above the pixel, on a bar of 12 rows 21 px wide. Nested: each row of the cone is
 * the one before, one pixel wider at both ends.
 */
export function growChin(src: usize, out: usize): void {
  for (let y = 0; y < ROWS; y++) {
    const to = out + y * ROW
    memory.fill(to, 0, ROW)
    for (let dy = 4; dy <= 16; dy++) addRow(src, y + dy, to)
    for (let dy = 3; dy >= -6; dy--) {
      spread(to, 1, to)
      addRow(src, y + dy, to)
    }
  }
}

/**
 * OpenCV's erosion by an "ellipse" of 35x3, which is a bar with a single pixel above and below; what
 * lies outside counts as set.
 *
 * @param scratch as large as a mask
 */
export function erodeCheeks(src: usize, out: usize, scratch: usize): void {
  for (let i = 0; i < ROWS * ROW; i += 16) {
    v128.store(scratch + i, v128.not(v128.load(src + i)))
  }
  for (let y = 0; y < ROWS; y++) {
    const to = out + y * ROW
    const from = scratch + y * ROW
    spread(from, 1, to) // reaches of 1, 3, 7, 15, 17
    spread(to, 2, to)
    spread(to, 4, to)
    spread(to, 8, to)
    spread(to, 2, to)
    addRow(scratch, y - 1, to)
    addRow(scratch, y + 1, to)
    for (let i = 0; i < ROW; i += 16) v128.store(to + i, v128.not(v128.load(to + i)))
  }
}

/**
 * (cheek ? eroded : grown) without the nose, and the mouth.
 *
 * @param cheeks one row: the columns where what was eroded counts
 */
export function joinJaw(
  eroded: usize,
  grown: usize,
  cheeks: usize,
  nose: usize,
  mouth: usize,
  out: usize,
): void {
  for (let i = 0; i < ROWS * ROW; i += 16) {
    const cheek = v128.load(cheeks + (i & (ROW - 1)))
    const skin = v128.bitselect(v128.load(eroded + i), v128.load(grown + i), cheek)
    const bare = v128.andnot(skin, v128.load(nose + i))
    v128.store(out + i, v128.or(bare, v128.load(mouth + i)))
  }
}

/** A row as bytes: 0 or 255. `count` bits from bit `start`, a multiple of 8; up to 15 more. */
export function unpackBits(bits: usize, start: i32, count: i32, out: usize): void {
  const ones = i64x2.splat(0x8040201008040201)
  for (let i = 0; i < count; i += 16) {
    const two = v128.load16_splat(bits + ((start + i) >> 3))
    const spreadOut = i8x16.swizzle(two, i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))
    v128.store(out + i, i8x16.eq(v128.and(spreadOut, ones), ones))
  }
}

function addRow(src: usize, y: i32, to: usize): void {
  if (y < 0 || y >= ROWS) return
  const from = src + y * ROW
  for (let i = 0; i < ROW; i += 16) {
    v128.store(to + i, v128.or(v128.load(to + i), v128.load(from + i)))
  }
}

/** Set what lies up to `reach` columns (at most `reach` apart from what is set) beside a set pixel. */
function spread(from: usize, reach: i32, to: usize): void {
  let before: u64 = 0
  let here = load<u64>(from)
  for (let i = 0; i < ROW; i += 8) {
    const next = i + 8 < ROW ? load<u64>(from + i, 8) : 0
    const right = (here << reach) | (before >> (64 - reach))
    const left = (here >> reach) | (next << (64 - reach))
    store<u64>(to + i, here | left | right)
    before = here
    here = next
  }
}
