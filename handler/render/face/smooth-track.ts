import {
  centerAndSide,
  faceRegionFromLandmarks,
  referenceRegion,
  holdIfStill,
  type Landmarks,
  type Region,
} from './face-box.ts'
import { fps, type Rate } from '../media/media-info.ts'
import { denoiseLandmarks } from './landmark-filter.ts'
import type { FaceDetection } from './face-box.ts'
import type { Tracked } from './tracked-face.ts'

const SMOOTH_S = 0.2 // half width of the region's smoothing window
const LANDMARK_SIGMA_S = 0.04 // least sigma of the landmarks' smoothing: less than any movement of a mouth
const MAX_GAP_S = 0.5 // longest gap that is filled
const FADE_S = 0.12
const REST_S = 8 // a clip of ten seconds loses nothing by it: two boxes more than if it rested for good

/** Where the face of a frame is drawn. */
export interface SmoothedFace {
  region: Region
  /** Without their noise; worked out when asked for, as some bundles draw from a box alone. */
  landmarks: () => Landmarks
  /** 0..1: less next to frames without a face, so that the drawn mouth does not pop. */
  fade: number
}

/**
 * Turn what was seen frame by frame into what is drawn: the region is smoothed over time and rests
 * while the face stays in it, the landmarks lose their noise but must sit on the lips, gaps of up to
 * half a second are bridged where the face was missed and not hidden. Nothing goes from one piece of
 * the track to another: there a shot begins, or somebody else is followed. Nor does a region rest for
 * longer than from one of `restFrames` to the next, so that whoever has not seen the beginning of the
 * source finds the same. Frames come out in order, delayed by at most 0.7 s of frames.
 *
 * @param maxLookahead frames to hold back at most, to bound memory
 * @param first number of the first frame in its source
 */
export async function* smoothTrack<T extends Tracked>(
  frames: AsyncIterable<T>,
  rate: Rate,
  maxLookahead: number,
  first = 0,
): AsyncGenerator<T & { face: SmoothedFace | undefined }> {
  const reach = Math.min(Math.round(SMOOTH_S * fps(rate)), maxLookahead)
  const gap = Math.min(Math.round(MAX_GAP_S * fps(rate)), Math.max(0, maxLookahead - reach))
  const history = reach + gap + 1
  const fade = Math.round(FADE_S * fps(rate))
  const sigma = LANDMARK_SIGMA_S * fps(rate)
  const rest = restFrames(fps(rate))
  const track: Place[] = [] // of frames index - history .. index + reach + gap
  const held: T[] = []
  let index = 0 // of the frame to be settled next, within `track`
  let number = first // the same in the source
  let last: { region: Region; piece: number | undefined } | undefined

  const next = () => {
    const piece = interpolateAt(track, index, gap)?.track
    const isHeld = last?.piece === piece && number % rest !== 0
    const before = isHeld ? last?.region : undefined
    const face = settled(track, index, { reach, gap, fade, sigma }, before)
    last = face && { region: face.region, piece }
    index++
    number++
    if (index > history) {
      track.shift()
      index--
    }
    return { ...held.shift()!, face }
  }
  for await (const frame of frames) {
    held.push(frame)
    const { seen, hidden } = frame
    track.push(seen ? { region: faceRegionFromLandmarks(seen.landmarks), ...seen } : { hidden })
    if (held.length > reach + gap) yield next()
  }
  while (held.length > 0) yield next()
}

/** Regions are taken anew in all frames of a source that are multiples of this. */
export const restFrames = (fps: number): number => Math.round(REST_S * fps)

/** Every frame for itself: the job's own boxes, or MuseTalk's rule in whole pixels. */
export async function* passThroughTrack<T extends { seen: FaceDetection | undefined }>(
  frames: AsyncIterable<T>,
): AsyncGenerator<T & { face: SmoothedFace | undefined }> {
  for await (const frame of frames) {
    const { seen } = frame
    if (!seen) {
      yield { ...frame, face: undefined }
      continue
    }
    const { boxFromJob, detected, landmarks } = seen
    const region = boxFromJob ? detected : referenceRegion(landmarks, detected)
    yield { ...frame, face: { region, landmarks: () => landmarks, fade: 1 } }
  }
}

interface Point {
  region: Region
  landmarks: Landmarks
  /** Which piece of the track it belongs to. */
  track?: number
}

/** What is known of one frame. */
type Place = Point | { hidden: boolean }

const isPoint = (place: Place | undefined): place is Point =>
  place !== undefined && 'region' in place

function settled(
  track: readonly Place[],
  index: number,
  { reach, gap, fade, sigma }: { reach: number; gap: number; fade: number; sigma: number },
  last: Region | undefined,
): SmoothedFace | undefined {
  const here = interpolateAt(track, index, gap)
  if (!here) return undefined
  const shot = shotNeighbors(track, index, reach + gap, gap)
  const at = shot.findIndex(({ distance }) => distance === 0)
  const near = shot.slice(Math.max(0, at - reach), at + reach + 1)
  const landmarks = shot.map(({ point }) => point.landmarks)
  return {
    region: holdIfStill(meanRegion(near, reach / 2), last),
    landmarks: () => denoiseLandmarks(landmarks, at, sigma, centerAndSide(here.region).side),
    fade: fadeFactor(track, index, gap, fade),
  }
}

interface Neighbor {
  /** Frames after the one in question. */
  distance: number
  point: Point
}

/** A frame and its neighbors in order, as far to both sides as it is the same shot of the face. */
function shotNeighbors(
  track: readonly Place[],
  index: number,
  reach: number,
  gap: number,
): Neighbor[] {
  const here = interpolateAt(track, index, gap)!
  const [before, after] = [-1, 1].map((direction) => {
    const side: Neighbor[] = []
    for (let d = 1, near = here; d <= reach; d++) {
      const point = interpolateAt(track, index + direction * d, gap)
      if (!point || isCut(near, point)) break
      side.push({ distance: direction * d, point })
      near = point
    }
    return side
  })
  return [...before!.toReversed(), { distance: 0, point: here }, ...after!]
}

/** Gaussian mean over the neighbors; sigma in frames. */
function meanRegion(shot: readonly Neighbor[], sigma: number): Region {
  const sum = [0, 0, 0, 0]
  let weights = 0
  for (const { distance, point } of shot) {
    const weight = distance === 0 ? 1 : Math.exp(-0.5 * (distance / sigma) ** 2)
    for (let k = 0; k < sum.length; k++) sum[k]! += weight * point.region[k]!
    weights += weight
  }
  return sum.map((value) => value / weights) as unknown as Region
}

/** What was seen in a frame, or between its neighbors where the gap is short enough. */
function interpolateAt(track: readonly Place[], index: number, gap: number): Point | undefined {
  const [a, before] = nearestPoint(track, index, -1)
  const [b, after] = nearestPoint(track, index, 1)
  if (!a || !b || a === b) return a === b ? a : undefined
  if (after - before - 1 > gap || isCut(a, b)) return undefined
  const t = (index - before) / (after - before)
  const mix = (from: number, to: number) => from + (to - from) * t
  return {
    ...a,
    region: a.region.map((value, k) => mix(value, b.region[k]!)) as unknown as Region,
    landmarks: a.landmarks.map((value, k) => mix(value, b.landmarks[k]!)),
  }
}

/** Where a face was seen, from a frame on in one direction, with nothing before it. */
function nearestPoint(
  track: readonly Place[],
  from: number,
  step: 1 | -1,
): readonly [Point | undefined, number] {
  for (let at = from; at >= 0 && at < track.length; at += step) {
    const place = track[at]!
    if (isPoint(place)) return [place, at]
    if (place.hidden) break
  }
  return [undefined, from]
}

/** A face cannot move by half its size from one frame to the next; another shot can. */
function isCut(a: Point, b: Point): boolean {
  if (a.track !== b.track) return true
  const [from, to] = [centerAndSide(a.region), centerAndSide(b.region)]
  const moved = Math.hypot(to.x - from.x, to.y - from.y) / Math.min(from.side, to.side)
  const grown = Math.max(from.side / to.side, to.side / from.side)
  return moved > 0.5 || grown > 1.4
}

function fadeFactor(track: readonly Place[], index: number, gap: number, frames: number): number {
  for (let d = 1; d <= frames; d++) {
    for (const other of [index - d, index + d]) {
      const inside = other >= 0 && other < track.length
      if (inside && !interpolateAt(track, other, gap)) return d / (frames + 1)
    }
  }
  return 1
}
