import {
  extent,
  faceRegion,
  referenceRegion,
  resting,
  type Landmarks,
  type Region,
} from './face-box.ts'
import { hz, type Rate } from '../media/media-info.ts'
import { steady } from './landmark-filter.ts'
import type { Seen } from './face-tracker.ts'

const SMOOTH_S = 0.2 // half width of the region's smoothing window
const STEADY_S = 0.04 // least sigma of the landmarks' smoothing: less than any movement of a mouth
const BRIDGE_S = 0.5 // longest gap that is filled
const FADE_S = 0.12

/** Where the face of a frame is drawn. */
export interface Settled {
  region: Region
  landmarks: Landmarks
  /** 0..1: less next to frames without a face, so that the drawn mouth does not pop. */
  fade: number
}

/**
 * Turn what was seen frame by frame into what is drawn: the region is smoothed over time and rests
 * while the face stays in it, the landmarks lose their noise but must sit on the lips, gaps of up to
 * half a second are bridged, scene cuts are respected. Frames come out in order, delayed by at most
 * 0.7 s of frames.
 *
 * @param most frames to hold back at most, to bound memory
 */
export async function* settle<T extends { seen: Seen | undefined }>(
  frames: AsyncIterable<T>,
  rate: Rate,
  most: number,
): AsyncGenerator<T & { face: Settled | undefined }> {
  const reach = Math.min(Math.round(SMOOTH_S * hz(rate)), most)
  const gap = Math.min(Math.round(BRIDGE_S * hz(rate)), Math.max(0, most - reach))
  const history = reach + gap + 1
  const fade = Math.round(FADE_S * hz(rate))
  const sigma = STEADY_S * hz(rate)
  const track: (Point | undefined)[] = [] // of frames index - history .. index + reach + gap
  const held: T[] = []
  let index = 0 // of the frame to be settled next, within `track`
  let last: Region | undefined

  const next = () => {
    const face = settled(track, index, { reach, gap, fade, sigma }, last)
    last = face?.region
    index++
    if (index > history) {
      track.shift()
      index--
    }
    return { ...held.shift()!, face }
  }
  for await (const frame of frames) {
    held.push(frame)
    track.push(frame.seen && { region: faceRegion(frame.seen.landmarks), ...frame.seen })
    if (held.length > reach + gap) yield next()
  }
  while (held.length > 0) yield next()
}

/** Every frame for itself: the job's own boxes, or MuseTalk's rule in whole pixels. */
export async function* settleSingly<T extends { seen: Seen | undefined }>(
  frames: AsyncIterable<T>,
): AsyncGenerator<T & { face: Settled | undefined }> {
  for await (const frame of frames) {
    const { seen } = frame
    if (!seen) {
      yield { ...frame, face: undefined }
      continue
    }
    const { given, detected, landmarks } = seen
    const region = given ? detected : referenceRegion(landmarks, detected)
    yield { ...frame, face: { region, landmarks, fade: 1 } }
  }
}

interface Point {
  region: Region
  landmarks: Landmarks
}

function settled(
  track: readonly (Point | undefined)[],
  index: number,
  { reach, gap, fade, sigma }: { reach: number; gap: number; fade: number; sigma: number },
  last: Region | undefined,
): Settled | undefined {
  const here = pointAt(track, index, gap)
  if (!here) return undefined
  const shot = sameShot(track, index, reach + gap, gap)
  const at = shot.findIndex(({ distance }) => distance === 0)
  const near = shot.slice(Math.max(0, at - reach), at + reach + 1)
  const landmarks = shot.map(({ point }) => point.landmarks)
  return {
    region: resting(meanRegion(near, reach / 2), last),
    landmarks: steady(landmarks, at, sigma, extent(here.region).side),
    fade: fadeAt(track, index, gap, fade),
  }
}

interface Neighbour {
  /** Frames after the one in question. */
  distance: number
  point: Point
}

/** A frame and its neighbours in order, as far to both sides as it is the same shot of the face. */
function sameShot(
  track: readonly (Point | undefined)[],
  index: number,
  reach: number,
  gap: number,
): Neighbour[] {
  const here = pointAt(track, index, gap)!
  const [before, after] = [-1, 1].map((direction) => {
    const side: Neighbour[] = []
    for (let d = 1, near = here; d <= reach; d++) {
      const point = pointAt(track, index + direction * d, gap)
      if (!point || isCut(near, point)) break
      side.push({ distance: direction * d, point })
      near = point
    }
    return side
  })
  return [...before!.reverse(), { distance: 0, point: here }, ...after!]
}

/** Gaussian mean over the neighbours; sigma in frames. */
function meanRegion(shot: readonly Neighbour[], sigma: number): Region {
  const sum = [0, 0, 0, 0]
  let weights = 0
  for (const { distance, point } of shot) {
    const weight = distance === 0 ? 1 : Math.exp(-0.5 * (distance / sigma) ** 2)
    for (let k = 0; k < sum.length; k++) sum[k]! += weight * point.region[k]!
    weights += weight
  }
  return sum.map((value) => value / weights) as unknown as Region
}

/** What was seen in a frame, or between its neighbours where the gap is short enough. */
function pointAt(track: readonly (Point | undefined)[], index: number, gap: number) {
  const seen = track[index]
  if (seen) return seen
  let [before, after] = [index, index]
  while (before >= 0 && !track[before]) before--
  while (after < track.length && !track[after]) after++
  const [a, b] = [track[before], track[after]]
  if (!a || !b || after - before - 1 > gap || isCut(a, b)) return undefined
  const t = (index - before) / (after - before)
  const mix = (from: number, to: number) => from + (to - from) * t
  return {
    region: a.region.map((value, k) => mix(value, b.region[k]!)) as unknown as Region,
    landmarks: a.landmarks.map((value, k) => mix(value, b.landmarks[k]!)),
  }
}

/** A face cannot move by half its size from one frame to the next; another shot can. */
function isCut(a: Point, b: Point): boolean {
  const [from, to] = [extent(a.region), extent(b.region)]
  const moved = Math.hypot(to.x - from.x, to.y - from.y) / Math.min(from.side, to.side)
  const grown = Math.max(from.side / to.side, to.side / from.side)
  return moved > 0.5 || grown > 1.4
}

function fadeAt(
  track: readonly (Point | undefined)[],
  index: number,
  gap: number,
  frames: number,
): number {
  for (let d = 1; d <= frames; d++) {
    for (const other of [index - d, index + d]) {
      const inside = other >= 0 && other < track.length
      if (inside && !pointAt(track, other, gap)) return d / (frames + 1)
    }
  }
  return 1
}
