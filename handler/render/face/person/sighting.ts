import { centerAndSide, faceRegionFromLandmarks, type FaceDetection } from '../face-box.ts'
import type { Region } from '../face-box.ts'
import type { Appearance, LookAt } from './face-appearance.ts'

/** A face that is followed is looked for in a window of so many times its size. */
export const FOLLOW_WINDOW = 2.25
/** Similarity of a face and who was there a look before; a face that follows another in one place is below. */
export const SAME_FACE = 0.4

/** Where a face is. */
export interface Place {
  region: Region
}

/** A face that was seen, and what it looks like. */
export interface Sighting extends FaceDetection, Place {
  appearance: Appearance
}

export const sightingOf = (face: FaceDetection, look: LookAt): Sighting => {
  const region = faceRegionFromLandmarks(face.landmarks)
  return { ...face, region, appearance: look(region) }
}

/** Its longer side, px. */
export const sizeOf = ({ region }: Sighting): number => centerAndSide(region).side

/** Whether two faces are about in one place, and about of one size. */
export function isNear(a: Place, b: Place): boolean {
  const [from, to] = [centerAndSide(a.region), centerAndSide(b.region)]
  const grown = Math.max(from.side / to.side, to.side / from.side)
  return Math.hypot(to.x - from.x, to.y - from.y) / from.side + (grown - 1) < 1
}
