import { CHROMA_BITS, LUMA_BITS } from './color-matrix.ts'
import type { FrameLayout } from '../frame-patch.ts'
import { clipBox, type Box } from '../image.ts'
import { yuvFrame } from '../yuv.ts'

const GRID = 16 // places a side
const PLACES = GRID * GRID
const ALL = Int32Array.from({ length: PLACES }, (_, i) => i)
const TAPS = 2 // pixels a side that are taken of each
const PARTS = 4 // a side
const STEP = 3 // levels of brightness, at least
const FINE = 2 ** 20 // parts of a level by which values are told apart
const BINS = 8 // steps of brightness, as many places in each

const FULL = 12 // levels from gray on average; a face in a color film is further off in any light
// How far from the curve a share of the places must be for a color film, in parts of their distance
// from gray. Films of one color, sepia: .06 to .12 and less than .2; color: .24 and .35 and more.
// Drawings have few colors, so the second looks for what is as small as lips.
const COLORFUL = [
  { share: 0.25, from: 0.11, to: 0.18 },
  { share: 0.05, from: 0.2, to: 0.3 },
] as const

/** A brightness, and how far from gray a color is there: Y, B - Y, R - Y. */
type Shade = readonly [y: number, b: number, r: number]

/** The colors of a part of a frame. */
export interface Tone {
  /** The usual color at each brightness, the darkest first. */
  readonly curve: readonly Shade[]
  /** 0..1: how much of a color of its own anything there has; 0 in a film without color, or of one. */
  readonly freedom: number
  /** Shares of red, green and blue in Y. */
  readonly weights: Shade
}

/**
 * Measure what lies in a box, frame px; what of it leaves the frame does not count.
 *
 * Places where brightness changes little are asked: elsewhere chroma, which is stored more coarsely,
 * does not belong to the pixel's brightness.
 */
export function toneOf(frame: Uint8Array, layout: FrameLayout, box: Box): Tone {
  const weights = weightsOf(layout)
  const places = sample(frame, layout, weights, clipBox(box, layout))
  const even = sortedBy(places.y, sortedBy(places.unrest, ALL).subarray(0, PLACES >> 1))
  const curve = curveOf(places, even)
  const color = distanceFromGray(places)
  const apart = new Float64Array(even.length)
  for (let i = 0; i < even.length; i++) {
    const place = even[i]!
    const usual = usualAt(curve, places.y[place]!)
    const [b, r] = [places.b[place]! - usual[1], places.r[place]! - usual[2]]
    apart[i] = Math.sqrt(b * b + r * r)
  }
  apart.sort()
  const colorful = COLORFUL.map(({ share, from, to }) => {
    const ratio = apart[apart.length - 1 - Math.floor(share * apart.length)]! / Math.max(color, 1)
    return Math.min(1, Math.max(0, (ratio - from) / (to - from)))
  })
  return { curve, weights, freedom: Math.min(1, color / FULL) * Math.max(...colorful) }
}

/**
 * A drawn face in the colors of the picture it goes into; its brightness stays. A network or a
 * drawing gives lips and tongue the colors of a color film.
 *
 * @param face RGB
 * @returns the same where the picture has all colors
 */
export function withTone(face: Uint8Array, { curve, freedom, weights }: Tone): Uint8Array {
  if (freedom >= 1) return face
  const usual = new Float64Array(2 * 256)
  for (let y = 0; y < 256; y++) usual.set(usualAt(curve, y).slice(1), 2 * y)
  const out = new Uint8ClampedArray(face.length)
  const [red, green, blue] = weights
  for (let i = 0; i < face.length; i += 3) {
    const y = red * face[i]! + green * face[i + 1]! + blue * face[i + 2]!
    const at = 2 * Math.round(y)
    const b = usual[at]! + freedom * (face[i + 2]! - y - usual[at]!)
    const r = usual[at + 1]! + freedom * (face[i]! - y - usual[at + 1]!)
    out[i] = y + r
    out[i + 1] = y - (blue * b + red * r) / green
    out[i + 2] = y + b
  }
  return new Uint8Array(out.buffer)
}

function weightsOf({ color }: FrameLayout): Shade {
  if (!color) return [0.299, 0.587, 0.114]
  const sum = color.y[0] + color.y[1] + color.y[2]
  return [color.y[0] / sum, color.y[1] / sum, color.y[2] / sum]
}

/** Places by a value of theirs, the least first. */
function sortedBy(values: Float64Array, places: Int32Array): Int32Array {
  // Numbers are sorted many times faster than by a function; the last part of each says whose it is.
  const keys = new Float64Array(places.length)
  for (let i = 0; i < keys.length; i++) {
    keys[i] = Math.round(values[places[i]!]! * FINE) * PLACES + i
  }
  keys.sort()
  const sorted = new Int32Array(keys.length)
  for (let i = 0; i < keys.length; i++) sorted[i] = places[((keys[i]! % PLACES) + PLACES) % PLACES]!
  return sorted
}

/** @param sorted places, the darkest first */
function curveOf(places: Places, sorted: Int32Array): Shade[] {
  const starts: number[] = []
  for (let k = 0; k < BINS; k++) {
    const start = Math.floor((k * sorted.length) / BINS)
    // Two colors of nearly one brightness are no curve.
    const last = starts.at(-1)
    const wide = last === undefined || places.y[sorted[start]!]! - places.y[sorted[last]!]! >= STEP
    if (wide) starts.push(start)
  }
  return starts.map((start, k) => meanOf(places, sorted.subarray(start, starts[k + 1])))
}

/** Mean over parts of the box that are large enough for noise to cancel out. */
function distanceFromGray(places: Places): number {
  const side = GRID / PARTS
  const part = new Int32Array(side * side)
  let sum = 0
  for (let k = 0; k < PARTS * PARTS; k++) {
    const first = Math.floor(k / PARTS) * side * GRID + (k % PARTS) * side
    for (let i = 0; i < part.length; i++) part[i] = first + Math.floor(i / side) * GRID + (i % side)
    const [, b, r] = meanOf(places, part)
    sum += Math.hypot(b, r)
  }
  return sum / (PARTS * PARTS)
}

/** Shades, and the variance of the brightness within each: one number for each place, row by row. */
interface Places {
  y: Float64Array
  b: Float64Array
  r: Float64Array
  unrest: Float64Array
}

function sample(
  frame: Uint8Array,
  layout: FrameLayout,
  weights: Shade,
  [x1, y1, x2, y2]: Box,
): Places {
  const shadeAt = shadeReader(frame, layout, weights)
  const steps = GRID * TAPS
  const columns = Int32Array.from({ length: steps }, (_, i) => middleOf(i, steps, x1, x2))
  const pixel: [number, number, number] = [0, 0, 0]
  const empty = () => new Float64Array(PLACES)
  const places: Places = { y: empty(), b: empty(), r: empty(), unrest: empty() }
  for (let row = 0; row < steps; row++) {
    const first = Math.floor(row / TAPS) * GRID
    const from = middleOf(row, steps, y1, y2)
    for (let column = 0; column < steps; column++) {
      shadeAt(columns[column]!, from, pixel)
      const i = first + Math.floor(column / TAPS)
      places.y[i]! += pixel[0]
      places.b[i]! += pixel[1]
      places.r[i]! += pixel[2]
      places.unrest[i]! += pixel[0] * pixel[0]
    }
  }
  const count = TAPS * TAPS
  for (let i = 0; i < PLACES; i++) {
    const y = (places.y[i]! /= count)
    places.b[i]! /= count
    places.r[i]! /= count
    places.unrest[i] = places.unrest[i]! / count - y * y
  }
  return places
}

const middleOf = (i: number, count: number, from: number, to: number): number =>
  Math.min(to - 1, Math.floor(from + ((i + 0.5) * (to - from)) / count))

/** Puts one pixel's shade into `out`; chroma is that of the nearest sample. */
function shadeReader(
  frame: Uint8Array,
  { width, height, color }: FrameLayout,
  [red, green, blue]: Shade,
) {
  if (!color) {
    return (x: number, y: number, out: [number, number, number]) => {
      const at = 3 * (y * width + x)
      out[0] = red * frame[at]! + green * frame[at + 1]! + blue * frame[at + 2]!
      out[1] = frame[at + 2]! - out[0]
      out[2] = frame[at]! - out[0]
    }
  }
  const { u, v } = yuvFrame(frame, width, height)
  const toLuma = color.luma * 2 ** -LUMA_BITS
  const [toB, toR] = [color.blueU * 2 ** -CHROMA_BITS, color.redV * 2 ** -CHROMA_BITS]
  return (x: number, y: number, out: [number, number, number]) => {
    const chroma = (y >> 1) * u.stride + (x >> 1)
    out[0] = toLuma * (frame[y * width + x]! - color.black)
    out[1] = toB * (u.data[chroma]! - 128)
    out[2] = toR * (v.data[chroma]! - 128)
  }
}

function meanOf({ y, b, r }: Places, of: Int32Array): Shade {
  const sum: [number, number, number] = [0, 0, 0]
  for (const place of of) {
    sum[0] += y[place]!
    sum[1] += b[place]!
    sum[2] += r[place]!
  }
  return [sum[0] / of.length, sum[1] / of.length, sum[2] / of.length]
}

/** The curve at a brightness; beyond its ends it is as at them. */
function usualAt(curve: readonly Shade[], y: number): Shade {
  const next = curve.findIndex((shade) => shade[0] >= y)
  if (next === 0) return curve[0]!
  if (next < 0) return curve.at(-1)!
  const [a, b] = [curve[next - 1]!, curve[next]!]
  const t = (y - a[0]) / Math.max(1e-6, b[0] - a[0])
  return [y, a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])]
}
