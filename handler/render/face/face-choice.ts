import type { Box } from '../../../models/pixels/image.ts'
import type { ScanResult } from '../avatar/avatar-cache.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import type { FaceChoice, FoundFace, TakenFace } from '../render-options.ts'

/** What a job says in pixels and frames of its source, in those that are decoded. */
export const choiceInFrames = (face: FaceChoice, source: VideoInfo): FaceChoice =>
  boxesOfPart(inFrame(face, source), source)

/** A job's boxes are in pixels of the source; a still that was too large has fewer. */
function inFrame(face: FaceChoice, { scale }: VideoInfo): FaceChoice {
  if (typeof face !== 'object' || scale === 1) return face
  const scaled = (box: Box): Box => box.map((at) => at * scale) as unknown as Box
  if ('box' in face) return { box: scaled(face.box) }
  if ('at' in face) return { ...face, at: [face.at[0] * scale, face.at[1] * scale] }
  return { boxes: face.boxes.map((box) => box && scaled(box)) }
}

/**
 * A job's boxes count the source's frames, whatever part of it is shown; at another rate a frame takes
 * those of what it shows.
 */
function boxesOfPart(face: FaceChoice, source: VideoInfo): FaceChoice {
  if (typeof face !== 'object' || !('boxes' in face) || source.still) return face
  const { rate, ownRate, trim } = source
  const shown = Math.ceil((face.boxes.length * fps(rate)) / fps(ownRate))
  const count = Math.max(1, shown - (trim?.first ?? 0))
  const boxOf = (index: number) => face.boxes[sourceFrame(index, source)] ?? null
  return { boxes: Array.from({ length: count }, (_, i) => boxOf(i)) }
}

/** Which frame of the source a decoded one shows: ffmpeg's fps filter takes the last whose rounded time has come. */
const sourceFrame = (index: number, { still, rate, ownRate, trim }: VideoInfo): number =>
  still ? 0 : Math.ceil(((index + (trim?.first ?? 0) + 0.5) * fps(ownRate)) / fps(rate)) - 1

/** The first decoded frame that shows a frame of the source, or a later one; negative before the part. */
export const firstShowing = (frame: number, { still, rate, ownRate, trim }: VideoInfo): number =>
  still
    ? 0
    : Math.max(0, Math.floor((frame * fps(rate)) / fps(ownRate) - 0.5) + 1) - (trim?.first ?? 0)

/** Whose mouth was drawn, in pixels and frames of the source; undefined where no face was seen. */
export function takenFace(
  choice: FaceChoice,
  first: ScanResult['first'],
  source: VideoInfo,
): TakenFace | undefined {
  if (!first) return undefined
  const { sureness } = first
  return {
    chosen: howChosen(choice, sureness),
    ...foundFace(first, source),
    ...(sureness !== undefined && { sureness: Math.round(sureness * 1000) / 1000 }),
  }
}

/** A face that was seen in a decoded frame, in pixels and frames of the source. */
export function foundFace(
  { frame, region, score }: NonNullable<ScanResult['first']>,
  source: VideoInfo,
): FoundFace {
  const { scale, width, height } = source
  const [x1, y1, x2, y2] = region
  const inSource = (at: number, size: number) => Math.round(Math.min(Math.max(at, 0), size) / scale)
  return {
    frame: sourceFrame(frame, source),
    box: [inSource(x1, width), inSource(y1, height), inSource(x2, width), inSource(y2, height)],
    confidence: Math.round(score * 1000) / 1000,
  }
}

function howChosen(face: FaceChoice, sureness: number | undefined): TakenFace['chosen'] {
  if (face === 'speaking' && sureness === undefined) return 'largest'
  if (typeof face === 'string') return face
  if ('box' in face) return 'box'
  return 'at' in face ? 'at' : 'boxes'
}
