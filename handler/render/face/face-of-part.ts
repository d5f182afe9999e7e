import type { Box } from '../../../models/pixels/image.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import type { FaceChoice } from '../render-options.ts'

/** A job's choice in the terms of what is decoded: its pixels, its rate, its part of the source. */
export const faceOfPart = (face: FaceChoice, facts: VideoInfo): FaceChoice =>
  boxesOfPart(inFrame(face, facts), facts)

/** A job's boxes are in pixels of the source; a still that was too large has fewer. */
function inFrame(face: FaceChoice, { scale }: VideoInfo): FaceChoice {
  if (typeof face !== 'object' || scale === 1) return face
  const scaled = (box: Box): Box => box.map((at) => at * scale) as unknown as Box
  if ('box' in face) return { box: scaled(face.box) }
  return { boxes: face.boxes.map((box) => box && scaled(box)) }
}

/**
 * A job's boxes count the source's frames, whatever part of it is shown; at another rate a frame takes
 * those of what it shows.
 */
function boxesOfPart(face: FaceChoice, { still, rate, ownRate, trim }: VideoInfo): FaceChoice {
  if (typeof face !== 'object' || !('boxes' in face) || still) return face
  const step = fps(ownRate) / fps(rate)
  const first = trim?.first ?? 0
  // ffmpeg's fps filter shows the last picture whose rounded time has come
  const shown = (i: number) => face.boxes[Math.ceil((i + 0.5) * step) - 1] ?? null
  const count = Math.max(1, Math.ceil(face.boxes.length / step) - first)
  return { boxes: Array.from({ length: count }, (_, i) => shown(first + i)) }
}
