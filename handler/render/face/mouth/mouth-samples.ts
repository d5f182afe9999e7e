import type { VideoInfo } from '../../media/media-info.ts'
import type { Landmarks } from '../face-box.ts'
import { colorsOf } from '../frame-color.ts'

/** A place between two landmarks (iBUG), and how far from the first to the second it lies. */
type Place = readonly [from: number, to: number, share: number]

const between = (pairs: readonly (readonly [number, number])[], ...shares: number[]): Place[] =>
  pairs.flatMap(([from, to]) => shares.map((share) => [from, to, share] as const))

/** Lips and the skin around them. They move with the mouth, so what they show hardly does. */
const PLACES: readonly Place[] = [
  // The middle of the lips; what is between them may be anything.
  ...between([[49, 61], [50, 61], [51, 62], [52, 63], [53, 63]], 0.5), // prettier-ignore
  ...between([[55, 65], [56, 65], [57, 66], [58, 67], [59, 67]], 0.5), // prettier-ignore
  ...between([[49, 31], [50, 32], [51, 33], [52, 34], [53, 35]], 0.35, 0.65), // prettier-ignore
  ...between([[59, 6], [58, 7], [57, 8], [56, 9], [55, 10]], 0.25, 0.5, 0.75), // prettier-ignore
  ...between([[48, 3], [48, 4], [48, 5], [54, 13], [54, 12], [54, 11]], 0.3, 0.55), // prettier-ignore
]
/** Cheeks and nose: how light the face is, and in which color. */
const LIGHT: readonly Place[] = between(
  [[1, 31], [15, 35], [2, 31], [14, 35], [28, 28], [29, 29]], // prettier-ignore
  0.5,
)
const TAPS = [-1, 0, 1] as const
const TAP_STEP = 0.015 // of the face's width
const MIN_LIGHT = 12 // levels above black

/** Three values for each of so many places. */
export const SAMPLES = 3 * PLACES.length

/**
 * What a mouth and the skin around it look like, whatever the light: brightness in percent of that of
 * cheeks and nose, and how the color differs from theirs, plus 128.
 *
 * @returns [places, 3]
 */
export function mouthSamples(frame: Uint8Array, facts: VideoInfo, face: Landmarks): Uint8Array {
  const addColor = colorsOf(frame, facts)
  const step = TAP_STEP * Math.hypot(face[32]! - face[0]!, face[33]! - face[1]!)
  const sum = new Float32Array(3)
  const colorAt = ([from, to, share]: Place) => {
    const x = face[2 * from]! + share * (face[2 * to]! - face[2 * from]!)
    const y = face[2 * from + 1]! + share * (face[2 * to + 1]! - face[2 * from + 1]!)
    sum.fill(0)
    for (const dy of TAPS) for (const dx of TAPS) addColor(x + dx * step, y + dy * step, sum, 0)
    return sum.map((value) => value / TAPS.length ** 2)
  }
  const lights = LIGHT.map(colorAt)
  const [light, u, v] = [0, 1, 2].map((k) => medianOf(lights.map((color) => color[k]!)))
  const bright = Math.max(MIN_LIGHT, light! - BLACK)
  const out = new Uint8ClampedArray(SAMPLES)
  for (const [i, place] of PLACES.entries()) {
    const color = colorAt(place)
    out[3 * i] = (100 * (color[0]! - BLACK)) / bright
    out[3 * i + 1] = 128 + color[1]! - u!
    out[3 * i + 2] = 128 + color[2]! - v!
  }
  return new Uint8Array(out.buffer)
}

const BLACK = 16 // level of black in most videos; where it is 0 the percents are a little off, evenly

const medianOf = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
