import type { RenderContext } from '../render-context.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import { centerAndSide, faceRegionFromLandmarks, squareAround, type Landmarks } from './face-box.ts'
import type { FaceDetection } from './face-box.ts'
import { windowsOf } from './frame-window.ts'

/** Finds a face again by what it looked like a moment ago, for a fraction of a detector's cost. */
export interface Follower {
  /** @returns undefined where the face is no longer there, or no longer sure */
  follow(frame: Uint8Array, index: number, last: FaceDetection): Promise<FaceDetection | undefined>
  /** Whether the detector is to be asked as well: landmarks would stick to whatever looks like a face. */
  isCheckDue(index: number): boolean
}

const WINDOW = 1.75 // of the face's size: what the graph looks at lies inside, also of a tilted head
const CHECK_EVERY_S = 2
const AGREEMENT = 0.05 // of the face's size; two looks at one face differ by less than .01
// The graph is told to look a little beside the face, in turn to four sides. Where it looks decides
// by what it is wrong, so errors change with every frame, and the smoothing over time takes them out.
const NUDGE = 0.0075 // of the face's size
const NUDGES = [
  [1, 1],
  [-1, -1],
  [-1, 1],
  [1, -1],
] as const

/**
 * The bundle's `track` graph, if it has one.
 * @param lag frames that are followed at the same time, each from the one so many before it
 */
export function faceFollower(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  lag: number,
): Follower | undefined {
  const { manifest, run } = ctx.models
  if (!manifest.graphs.track) return undefined
  const useWindow = windowsOf(facts, ctx)
  const every = Math.max(lag, Math.round(CHECK_EVERY_S * fps(facts.rate)))
  return {
    async follow(frame, index, { landmarks: last }) {
      const region = faceRegionFromLandmarks(last)
      const window = squareAround(region, WINDOW, facts)
      if (!window) return undefined
      const [x, y] = NUDGES[index % NUDGES.length]!
      const nudge = NUDGE * centerAndSide(region).side
      const data = moved(last, nudge * x - window[0], nudge * y - window[1])
      const { landmarks, score } = await useWindow(frame, window, (image) =>
        run('track', { image, last: { type: 'float32', dims: [1, 68, 2], data } }),
      )
      if (!((score!.data[0] ?? 0) >= manifest.face.threshold)) return undefined
      const now = moved(landmarks!.data as Float32Array, window[0], window[1])
      return { detected: faceRegionFromLandmarks(now), landmarks: now, score: score!.data[0]! }
    },
    isCheckDue: (index) => index % every < lag,
  }
}

/** Whether two sets of landmarks are of one face in one place. */
export function agree(a: Landmarks, b: Landmarks): boolean {
  let apart = 0
  for (let i = 0; i < a.length; i += 2) apart += Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!)
  const { side } = centerAndSide(faceRegionFromLandmarks(b))
  return apart / (a.length / 2) <= AGREEMENT * side
}

const moved = (landmarks: Landmarks, dx: number, dy: number): Landmarks =>
  landmarks.map((value, i) => value + (i % 2 === 0 ? dx : dy))
