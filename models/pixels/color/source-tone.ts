import { CHROMA_BITS, LUMA_BITS } from './color-matrix.ts'
import type { FrameLayout } from '../frame-patch.ts'
import { clipBox, type Box } from '../image.ts'
import { yuvFrame } from '../yuv.ts'

const GRID = 16 // places a side
const TAPS = 2 // pixels a side that are taken of each
const PARTS = 4 // a side
const STEP = 3 // levels of brightness, at least
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
  const even = places.toSorted((a, b) => a.unrest - b.unrest).slice(0, places.length >> 1)
  const shades = even.map(({ shade }) => shade).toSorted((a, b) => a[0] - b[0])
  const curve = curveOf(shades)
  const color = distanceFromGray(places)
  const apart = shades
    .map((shade) => {
      const usual = usualAt(curve, shade[0])
      return Math.hypot(shade[1] - usual[1], shade[2] - usual[2])
    })
    .toSorted((a, b) => b - a)
  const colorful = COLORFUL.map(({ share, from, to }) => {
    const ratio = apart[Math.floor(share * apart.length)]! / Math.max(color, 1)
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

/** @param shades the darkest first */
function curveOf(shades: readonly Shade[]): Shade[] {
  const groups: Shade[][] = []
  for (let k = 0; k < BINS; k++) {
    const part = (i: number) => Math.floor((i * shades.length) / BINS)
    const bin = shades.slice(part(k), part(k + 1))
    // Two colors of nearly one brightness are no curve.
    const wide = groups.length === 0 || bin[0]![0] - groups.at(-1)![0]![0] >= STEP
    if (wide) groups.push(bin)
    else groups.at(-1)!.push(...bin)
  }
  return groups.map(meanOf)
}

/** Mean over parts of the box that are large enough for noise to cancel out. */
function distanceFromGray(places: readonly Place[]): number {
  const parts = Map.groupBy(places.entries(), ([i]) => {
    const [column, row] = [i % GRID, Math.floor(i / GRID)]
    return Math.floor((PARTS * row) / GRID) * PARTS + Math.floor((PARTS * column) / GRID)
  })
  let sum = 0
  for (const part of parts.values()) {
    const [, b, r] = meanOf(part.map(([, { shade }]) => shade))
    sum += Math.hypot(b, r)
  }
  return sum / parts.size
}

interface Place {
  shade: Shade
  /** Variance of its pixels' brightness. */
  unrest: number
}

function sample(
  frame: Uint8Array,
  layout: FrameLayout,
  weights: Shade,
  [x1, y1, x2, y2]: Box,
): Place[] {
  const shadeAt = shadeReader(frame, layout, weights)
  const steps = GRID * TAPS
  const columns = Array.from({ length: steps }, (_, i) => middleOf(i, steps, x1, x2))
  const rows = Array.from({ length: steps }, (_, i) => middleOf(i, steps, y1, y2))
  const pixel: [number, number, number] = [0, 0, 0]
  return Array.from({ length: GRID * GRID }, (_, i) => {
    const [left, top] = [TAPS * (i % GRID), TAPS * Math.floor(i / GRID)]
    let [y, b, r, square] = [0, 0, 0, 0]
    for (let row = top; row < top + TAPS; row++) {
      for (let column = left; column < left + TAPS; column++) {
        shadeAt(columns[column]!, rows[row]!, pixel)
        y += pixel[0]
        b += pixel[1]
        r += pixel[2]
        square += pixel[0] * pixel[0]
      }
    }
    const count = TAPS * TAPS
    y /= count
    return { shade: [y, b / count, r / count], unrest: square / count - y * y }
  })
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

function meanOf(shades: readonly Shade[]): Shade {
  let [y, b, r] = [0, 0, 0]
  for (const shade of shades) {
    y += shade[0]
    b += shade[1]
    r += shade[2]
  }
  return [y / shades.length, b / shades.length, r / shades.length]
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
