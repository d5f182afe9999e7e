/**
 * A rectangle of 8-bit samples, channels interleaved, rows top to bottom. It may be a window of a
 * larger picture: sample (x, y, c) is `data[offset + y * stride + x * channels + c]`.
 */
export interface Image {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: number
  /** Index in `data` of the first sample. */
  readonly offset: number
  /** Samples from one row to the next. */
  readonly stride: number
}

/** x1, y1, x2, y2 in px; right and bottom exclusive. */
export type Box = readonly [number, number, number, number]

/** A picture over `data` (rows without gaps); a new black one when `data` is left out. */
export function image(width: number, height: number, channels: number, data?: Uint8Array): Image {
  const size = width * height * channels
  if (data && data.length < size) {
    throw new RangeError(`${width}x${height}x${channels} needs ${size} bytes, got ${data.length}`)
  }
  const bytes = data ?? new Uint8Array(size)
  return { data: bytes, width, height, channels, offset: 0, stride: width * channels }
}

/** The part of a picture inside a box; shares its memory. Throws RangeError if the box leaves it. */
export function crop(picture: Image, box: Box): Image {
  const [x1, y1, x2, y2] = box
  const { data, width, height, channels, stride } = picture
  if (!(x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= width && y2 <= height)) {
    throw new RangeError(`box ${box.join(',')} does not lie in a picture of ${width}x${height}`)
  }
  const offset = picture.offset + y1 * stride + x1 * channels
  return { data, width: x2 - x1, height: y2 - y1, channels, offset, stride }
}

/** Copy the samples of `from` into `to`, which has the same size. */
export function copy(from: Image, to: Image): void {
  sameSize(from, to)
  const length = from.width * from.channels
  for (let y = 0; y < from.height; y++) {
    const start = from.offset + y * from.stride
    to.data.set(from.data.subarray(start, start + length), to.offset + y * to.stride)
  }
}

/** Throws RangeError unless both pictures have the same width, height and channels. */
export function sameSize(a: Image, b: Image): void {
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) {
    throw new RangeError(`pictures differ in size: ${sizeOf(a)} and ${sizeOf(b)}`)
  }
}

/** Width, height and channels as one word, for messages. */
export function sizeOf({ width, height, channels }: Image): string {
  return `${width}x${height}x${channels}`
}

/** What of a box lies inside a frame; without width or height where nothing does. */
export function clipBox(
  [x1, y1, x2, y2]: Box,
  { width, height }: { width: number; height: number },
): Box {
  const [left, top] = [Math.max(0, x1), Math.max(0, y1)]
  return [left, top, Math.max(left, Math.min(width, x2)), Math.max(top, Math.min(height, y2))]
}
