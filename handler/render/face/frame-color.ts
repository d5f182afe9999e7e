import { frameFormatFor } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'

/** Adds the color of a pixel to three sums: brightness 0..255, two color differences around 0. */
export type AddColor = (x: number, y: number, sums: Float32Array, at: number) => void

/** Reads single pixels of one frame; beyond its edges they go on. */
export function colorsOf(frame: Uint8Array, facts: VideoInfo): AddColor {
  const { width, height } = facts
  const place = (at: number, size: number) => Math.min(Math.max(Math.floor(at), 0), size - 1)
  if (frameFormatFor(facts).rawFormat === 'rgb24') {
    return (x, y, sums, at) => {
      const from = 3 * (place(y, height) * width + place(x, width))
      const [r, g, b] = [frame[from]!, frame[from + 1]!, frame[from + 2]!]
      sums[at]! += 0.299 * r + 0.587 * g + 0.114 * b
      sums[at + 1]! += -0.169 * r - 0.331 * g + 0.5 * b
      sums[at + 2]! += 0.5 * r - 0.419 * g - 0.081 * b
    }
  }
  const [halfWidth, halfHeight] = [(width + 1) >> 1, (height + 1) >> 1]
  const [u, v] = [width * height, width * height + halfWidth * halfHeight]
  return (x, y, sums, at) => {
    const [column, row] = [place(x, width), place(y, height)]
    const chroma = (row >> 1) * halfWidth + (column >> 1)
    sums[at]! += frame[row * width + column]!
    sums[at + 1]! += frame[u + chroma]! - 128
    sums[at + 2]! += frame[v + chroma]! - 128
  }
}
