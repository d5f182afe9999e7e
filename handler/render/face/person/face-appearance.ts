import type { VideoInfo } from '../../media/media-info.ts'
import { centerAndSide, type Region } from '../face-box.ts'
import { colorsOf } from '../frame-color.ts'

const GRID = 16 // samples a side
const AROUND = 1.5 // of the region's longer side: hair and collar tell people apart better than lips do
const TAPS = [-0.25, 0.25] as const // of a sample's width

/** What a face looks like: few samples of brightness and color, taken where its region lies. */
export interface Appearance {
  /** [16, 16], 0..255. */
  readonly luma: Float32Array
  /** Two color differences of [16, 16], around 0. */
  readonly chroma: Float32Array
}

/** Looks at a region, frame px, of one frame. */
export type LookAt = (region: Region) => Appearance

/** A frame as a painter squints at it. */
export function appearanceIn(frame: Uint8Array, facts: VideoInfo): LookAt {
  const addColor = colorsOf(frame, facts)
  let last: { region: Region; seen: Appearance } | undefined // who was found is looked at again to be judged
  return (region) => {
    if (last?.region.every((edge, k) => edge === region[k])) return last.seen
    const { x: middle, y: center, side } = centerAndSide(region)
    const step = (AROUND * side) / GRID
    const luma = new Float32Array(GRID * GRID)
    const chroma = new Float32Array(2 * GRID * GRID)
    const sum = new Float32Array(3)
    for (let i = 0; i < luma.length; i++) {
      const column = (i % GRID) - (GRID - 1) / 2
      const row = Math.floor(i / GRID) - (GRID - 1) / 2
      sum.fill(0)
      for (const dy of TAPS) {
        for (const dx of TAPS)
          addColor(middle + (column + dx) * step, center + (row + dy) * step, sum, 0)
      }
      luma[i] = sum[0]! / TAPS.length ** 2
      chroma[2 * i] = sum[1]! / TAPS.length ** 2
      chroma[2 * i + 1] = sum[2]! / TAPS.length ** 2
    }
    last = { region, seen: { luma, chroma } }
    return last.seen
  }
}

const CHROMA_RANGE = 24 // levels; colors that differ by as much have nothing in common
const COLOR_SHARE = 0.5 // colored lights change from frame to frame

/** 1 for the same look, whatever the light; about 0 for any two pictures. */
export function similarity(a: Appearance, b: Appearance): number {
  let apart = 0
  for (let i = 0; i < a.chroma.length; i++) apart += Math.abs(a.chroma[i]! - b.chroma[i]!)
  const color = Math.max(0, 1 - apart / a.chroma.length / CHROMA_RANGE)
  return Math.max(0, correlation(a.luma, b.luma)) * (1 - COLOR_SHARE + COLOR_SHARE * color)
}

/** Mean difference in brightness, levels. */
export function difference(a: Appearance, b: Appearance): number {
  let apart = 0
  for (let i = 0; i < a.luma.length; i++) apart += Math.abs(a.luma[i]! - b.luma[i]!)
  return apart / a.luma.length
}

/** What was seen so far and what is seen now, in these shares. */
export function blended(a: Appearance, b: Appearance, share: number): Appearance {
  const mix = (from: Float32Array, to: Float32Array) =>
    from.map((value, i) => value + share * (to[i]! - value))
  return { luma: mix(a.luma, b.luma), chroma: mix(a.chroma, b.chroma) }
}

const LEAST_DEVIATION = 3 // levels: a plain wall is not like a face

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (of: Float32Array) => of.reduce((sum, value) => sum + value, 0) / of.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb]
    ab += x * y
    aa += x * x
    bb += y * y
  }
  const least = LEAST_DEVIATION ** 2 * a.length
  return ab / Math.sqrt(Math.max(aa, least) * Math.max(bb, least))
}
