import { frameFormatFor } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'

const COLUMNS = 32
const ROWS = 18
const CUT = 24 // mean change in levels; a face that talks and turns changes few samples

/** How bright a frame is in a few hundred places: [18, 32], 0..255. */
export type Thumbnail = Uint8Array

/** @param frame as decoded: its luma, or its green where it is RGB */
export function thumbnail(frame: Uint8Array, facts: VideoInfo): Thumbnail {
  const { width, height } = facts
  const [step, first] = frameFormatFor(facts).rawFormat === 'rgb24' ? [3, 1] : [1, 0]
  const small = new Uint8Array(COLUMNS * ROWS)
  for (let row = 0, at = 0; row < ROWS; row++) {
    const y = Math.floor(((row + 0.5) * height) / ROWS)
    for (let column = 0; column < COLUMNS; column++, at++) {
      const x = Math.floor(((column + 0.5) * width) / COLUMNS)
      small[at] = frame[step * (y * width + x) + first]!
    }
  }
  return small
}

/** Whether two frames are so different that nothing of one tells where things are in the other. */
export function isSceneCut(before: Thumbnail, after: Thumbnail): boolean {
  let change = 0
  for (let i = 0; i < before.length; i++) change += Math.abs(after[i]! - before[i]!)
  return change > CUT * before.length
}
