import { type Box, type Image, image } from './image.ts'

/**
 * The square around a face in which it is parsed and pasted; it may leave the frame on any side.
 *
 * @param face face box in frame px, chin margin included
 * @see MuseTalk v1.5 musetalk/utils/blending.py, get_crop_box with expand 1.5
 */
export function cropBox([x1, y1, x2, y2]: Box): Box {
  const x = Math.floor((x1 + x2) / 2)
  const y = Math.floor((y1 + y2) / 2)
  const half = Math.trunc(Math.floor(Math.max(x2 - x1, y2 - y1) / 2) * 1.5)
  return [x - half, y - half, x + half, y + half]
}

/**
 * Kernel size (odd, px) of the mask's feather.
 *
 * @param side side of the crop box in px
 * @param share of the side: MuseTalk's batch script has 0.05, its real-time one 0.1
 */
export function featherSize(side: number, share = 0.05): number {
  return 2 * Math.floor((share * side) / 2) + 1
}

/** Where a bundle without a parsing graph lets its face show; all in shares of the face crop. */
export interface MaskRule {
  /** Hidden above the first height, fully shown below the second, smoothstep between. */
  readonly top: readonly [number, number]
  /** Width of the linear ramp at the left and at the right edge. */
  readonly sides: number
  /** Height of the linear ramp at the lower edge. */
  readonly bottom: number
}

/** The paste mask of a rule for a face crop of width x height px: one channel, 0..255. */
export function ruleMask(rule: MaskRule, width: number, height: number): Image {
  const mask = image(width, height, 1)
  const columns = Float64Array.from({ length: width }, (_, x) => {
    const u = (x + 0.5) / width
    return rampWeight(Math.min(u, 1 - u), rule.sides)
  })
  for (let y = 0; y < height; y++) {
    const v = (y + 0.5) / height
    const row = 255 * smoothstep(v, rule.top) * rampWeight(1 - v, rule.bottom)
    for (let x = 0; x < width; x++) mask.data[y * width + x] = Math.round(row * columns[x]!)
  }
  return mask
}

function rampWeight(distance: number, width: number): number {
  return width > 0 ? Math.min(1, distance / width) : 1
}

function smoothstep(v: number, [from, to]: readonly [number, number]): number {
  const t = to > from ? Math.min(1, Math.max(0, (v - from) / (to - from))) : v < from ? 0 : 1
  return t * t * (3 - 2 * t)
}
