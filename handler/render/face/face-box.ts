import type { Manifest } from '../../../models/inference/manifest.ts'
import type { Box } from '../../../models/pixels/image.ts'

/** 68 face points in iBUG order as x, y pairs: [136]. */
export type Landmarks = Float32Array
/** x1, y1, x2, y2 in frame px, not rounded. */
export type Region = readonly [number, number, number, number]

const BRIDGE = 29 // third point of the nose bridge: the crop's vertical center
const MIN_SIDE = 16 // px; a smaller crop has no mouth to draw

function bounds(landmarks: ArrayLike<number>): Region {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity]
  for (let i = 0; i < landmarks.length; i += 2) {
    x1 = Math.min(x1, landmarks[i]!)
    x2 = Math.max(x2, landmarks[i]!)
    y1 = Math.min(y1, landmarks[i + 1]!)
    y2 = Math.max(y2, landmarks[i + 1]!)
  }
  return [x1, y1, x2, y2]
}

/**
 * The region that is redrawn: as wide as the landmarks, from the chin up to as far above the nose
 * bridge, so that the mouth lies in the lower half.
 */
export function faceRegionFromLandmarks(landmarks: Landmarks): Region {
  const [x1, , x2, y2] = bounds(landmarks)
  const middle = landmarks[2 * BRIDGE + 1]!
  return [x1, middle - (y2 - middle), x2, y2]
}

const HOLD_TOLERANCE = 0.02 // of the region's longer side

/**
 * Where a region was before, while it moves less than can matter: each new pixel box samples the face
 * anew, and what is drawn in it shimmers.
 */
export function holdIfStill(region: Region, last: Region | undefined): Region {
  const room = HOLD_TOLERANCE * centerAndSide(region).side
  return last?.every((edge, k) => Math.abs(edge - region[k]!) <= room) ? last : region
}

/**
 * MuseTalk's own rule, in whole pixels, for parity: nothing is clamped but the top, and an impossible
 * box falls back to the detector's.
 *
 * @param shift v1's `bbox_shift`, px
 * @see MuseTalk musetalk/utils/preprocessing.py get_landmark_and_bbox
 */
export function referenceRegion(landmarks: ArrayLike<number>, detected: Region, shift = 0): Region {
  const points = Array.from(landmarks, Math.trunc)
  points[2 * BRIDGE + 1] = points[2 * BRIDGE + 1]! + shift
  const [x1, , x2, y2] = bounds(points)
  const middle = points[2 * BRIDGE + 1]!
  const y1 = Math.trunc(Math.max(0, middle - (y2 - middle)))
  const impossible = y2 - y1 <= 0 || x2 - x1 <= 0 || x1 < 0
  return impossible ? detected : [x1, y1, x2, y2]
}

/**
 * A region as a pixel box inside the frame, with room for the chin to drop; undefined where too
 * little of it lies inside.
 */
export function cropBoxOf(
  region: Region,
  margin: Manifest['crop'],
  frame: { width: number; height: number },
): Box | undefined {
  const below = Math.max(margin.chin_margin_px, margin.chin_margin_share * (region[3] - region[1]))
  const x1 = Math.max(0, Math.round(region[0]))
  const y1 = Math.max(0, Math.round(region[1]))
  const x2 = Math.min(frame.width, Math.round(region[2]))
  const y2 = Math.min(frame.height, Math.round(region[3] + below))
  return x2 - x1 >= MIN_SIDE && y2 - y1 >= MIN_SIDE ? [x1, y1, x2, y2] : undefined
}

const MIN_REFERENCE_SIDE = 4 // px; MuseTalk's crop around a smaller box does not contain it

/**
 * MuseTalk's own box, in whole pixels, for parity: only the chin is cut to the frame. A right edge
 * beyond it stays: what is seen of the box is then stretched to the whole of it.
 */
export function referenceBoxOf(
  region: Region,
  margin: Manifest['crop'],
  frame: { width: number; height: number },
): Box | undefined {
  const [x1, y1, x2, chin] = region.map(Math.trunc) as [number, number, number, number]
  const below = Math.max(margin.chin_margin_px, Math.trunc(margin.chin_margin_share * (chin - y1)))
  const box: Box = [Math.max(0, x1), Math.max(0, y1), x2, Math.min(frame.height, chin + below)]
  const [left, top, right, bottom] = clipToFrame(box, frame)
  const seen = left < right && top < bottom
  return seen && Math.max(x2 - left, bottom - top) >= MIN_REFERENCE_SIDE ? box : undefined
}

/** What of a box lies inside the frame. */
export const clipToFrame = (box: Box, frame: { width: number; height: number }): Box => [
  Math.max(0, box[0]),
  Math.max(0, box[1]),
  Math.min(frame.width, box[2]),
  Math.min(frame.height, box[3]),
]

/** Landmarks in the coordinates of the 256x256 crop of a box; whole numbers are pixel centers. */
export function toCropCoordinates(landmarks: Landmarks, [x1, y1, x2, y2]: Box): Landmarks {
  const out = new Float32Array(landmarks.length)
  for (let i = 0; i < out.length; i += 2) {
    out[i] = ((landmarks[i]! - x1 + 0.5) * 256) / (x2 - x1) - 0.5
    out[i + 1] = ((landmarks[i + 1]! - y1 + 0.5) * 256) / (y2 - y1) - 0.5
  }
  return out
}

/** Middle and longer side. */
export const centerAndSide = ([x1, y1, x2, y2]: Region) => ({
  x: (x1 + x2) / 2,
  y: (y1 + y2) / 2,
  side: Math.max(x2 - x1, y2 - y1),
})

/** A square of `scale` times the region's longer side around it, cut to the frame. */
export function squareAround(
  region: Region,
  scale: number,
  frame: { width: number; height: number },
): Box | undefined {
  const { x, y, side } = centerAndSide(region)
  const half = (side * scale) / 2
  const box: Box = [
    Math.max(0, Math.floor(x - half)),
    Math.max(0, Math.floor(y - half)),
    Math.min(frame.width, Math.ceil(x + half)),
    Math.min(frame.height, Math.ceil(y + half)),
  ]
  return box[2] - box[0] >= MIN_SIDE && box[3] - box[1] >= MIN_SIDE ? box : undefined
}

/** A face in one frame, in frame px. */
export interface FaceDetection {
  detected: Region
  landmarks: Landmarks
  /** How sure whoever found it is, 0..1. */
  score?: number
  /** The job named the box: it is used as it is. */
  boxFromJob?: true
  /** Frames with the same number show one person in one shot, with nothing between. */
  track?: number
  /** The same, whatever hid them meanwhile. */
  since?: number
}
