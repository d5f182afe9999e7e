import { blend } from '../../../models/pixels/blend-rgb.ts'
import { coefficients, type Coefficients, type Color } from '../../../models/pixels/color-matrix.ts'
import { copy, crop, image, type Box, type Image } from '../../../models/pixels/image.ts'
import { blendRegion } from '../../../models/pixels/blend-yuv.ts'
import { regionToRgb, yuvBytes, yuvFrame } from '../../../models/pixels/yuv.ts'
import type { VideoInfo } from '../media/media-info.ts'

/** The frames of one render: how a part of one becomes RGB, and how a face is laid over it. */
export interface FrameFormat {
  /** Bytes of a frame. */
  bytes: number
  /** What ffmpeg calls the frames, as they go to the encoder. */
  rawFormat: 'yuv420p' | 'rgb24'
  /** The box, which lies inside the frame, as RGB of its own. */
  extractRgb(frame: Uint8Array, box: Box): Image
  /**
   * Lay a face over its box, in place; samples whose mask is 0 stay as they are.
   * @param at what the mask covers, where that is more than the box
   */
  paste(frame: Uint8Array, face: Image, box: Box, mask: Image, at?: Box): void
}

export const frameFormatFor = (facts: VideoInfo): FrameFormat =>
  facts.pixelFormat === 'rgb24' ? rgbCanvas(facts) : yuvCanvas(facts)

function yuvCanvas(facts: VideoInfo): FrameFormat {
  const { width, height } = facts
  const color = colorOf(facts)
  return {
    bytes: yuvBytes(width, height),
    rawFormat: 'yuv420p',
    extractRgb(frame, box) {
      const rgb = image(box[2] - box[0], box[3] - box[1], 3)
      regionToRgb(yuvFrame(frame, width, height), color, box, rgb)
      return rgb
    },
    paste(frame, face, box, mask, at = box) {
      const cover = at === box ? mask : crop(mask, translate(box, at))
      blendRegion(yuvFrame(frame, width, height), color, box, face, cover)
    },
  }
}

function rgbCanvas({ width, height }: VideoInfo): FrameFormat {
  return {
    bytes: width * height * 3,
    rawFormat: 'rgb24',
    extractRgb(frame, box) {
      const rgb = image(box[2] - box[0], box[3] - box[1], 3)
      copy(crop(image(width, height, 3, frame), box), rgb)
      return rgb
    },
    paste(frame, face, box, mask, at = box) {
      blend(image(width, height, 3, frame), face, box, mask, at)
    },
  }
}

const translate = ([x1, y1, x2, y2]: Box, [dx, dy]: Box): Box => [
  x1 - dx,
  y1 - dy,
  x2 - dx,
  y2 - dy,
]

/** ffprobe's matrix names → the three that are told apart. */
const MATRICES: Record<string, Color['matrix']> = {
  bt709: 'bt709',
  bt470bg: 'bt601',
  smpte170m: 'bt601',
  bt2020nc: 'bt2020nc',
  bt2020c: 'bt2020nc',
}

/** How the frames of a clip code color; where it does not say, what players assume. */
function colorOf({ color, height, pixelFormat }: VideoInfo): Coefficients {
  const untagged = height > 576 ? 'bt709' : 'bt601'
  const matrix = MATRICES[color.matrix ?? ''] ?? untagged
  return coefficients({ matrix, range: pixelFormat === 'yuvj420p' ? 'full' : 'limited' })
}
