import {
  coefficients,
  type Coefficients,
  type Color,
} from '../../../models/pixels/color/color-matrix.ts'
import type { FrameLayout } from '../../../models/pixels/frame-patch.ts'
import { yuvBytes } from '../../../models/pixels/yuv.ts'
import type { VideoInfo } from '../media/media-info.ts'

/** The frames of one render. */
export interface FrameFormat {
  layout: FrameLayout
  /** Bytes of a frame. */
  bytes: number
  /** What ffmpeg calls the frames, as they go to the encoder. */
  rawFormat: 'yuv420p' | 'yuva420p' | 'rgb24'
}

export function frameFormatFor(facts: VideoInfo): FrameFormat {
  const { width, height, pixelFormat } = facts
  // What draws in a frame knows nothing of the plane behind its three.
  const alpha = pixelFormat === 'yuva420p'
  const rgb = facts.pixelFormat === 'rgb24'
  const layout = { width, height, ...(!rgb && { color: colorOf(facts) }) }
  return {
    layout,
    bytes: rgb ? width * height * 3 : yuvBytes(width, height) + (alpha ? width * height : 0),
    rawFormat: rgb ? 'rgb24' : alpha ? 'yuva420p' : 'yuv420p',
  }
}

/** ffprobe's matrix names → the three that are told apart. */
const MATRICES: Record<string, Color['matrix']> = {
  bt709: 'bt709',
  bt470bg: 'bt601',
  smpte170m: 'bt601',
  bt2020nc: 'bt2020nc',
  bt2020c: 'bt2020nc',
}

/** How the frames of a clip code color; where it does not say, what players assume. */
function colorOf({ color, height }: VideoInfo): Coefficients {
  const untagged = height > 576 ? 'bt709' : 'bt601'
  const matrix = MATRICES[color.matrix ?? ''] ?? untagged
  return coefficients({ matrix, range: color.range === 'pc' ? 'full' : 'limited' })
}
