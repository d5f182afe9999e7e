import type { Models } from '../../../models/inference/models.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { Tensors } from '../../../models/inference/tensor.ts'
import { InputError } from '../../errors.ts'
import type { RenderOptions } from '../render-options.ts'
import {
  squareAround,
  centerAndSide,
  type Landmarks,
  type Region,
  type FaceDetection,
} from './face-box.ts'
import type { RenderContext } from '../context.ts'
import { windowsOf } from './frame-window.ts'
import { usesLandmarks } from './face-encoder.ts'
import { agree, faceFollower } from './face-follower.ts'
import { isSceneCut, thumbnail, type Thumbnail } from './scene-cut.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'

interface Candidate extends FaceDetection {
  score: number
}

/**
 * Finds the one face of a job in frame after frame. Some frames may be in work at once: a frame is
 * searched where the face was so many frames before, so the outcome does not depend on timing.
 */
export interface Tracker {
  detect(frame: Uint8Array, index: number): Promise<FaceDetection | undefined>
}

const WINDOW = 2.25 // a tracked face is looked for in a window of so many times its size
const TILE_EVERY_S = 0.5 // how often small faces are searched for while there is none

/**
 * While a face is tracked only its neighbourhood is converted and searched, where the bundle can by
 * its landmarks alone, which the detector confirms now and then and after a cut. The whole frame is at
 * the start and when it was lost; where that finds nothing, overlapping tiles, because a detector
 * that sees 192 px misses a face of 60 px in a 1080p frame. By MuseTalk's own rule nothing is
 * tracked: each frame is searched as a whole, and its surest face is taken.
 *
 * @param lag frames that may be in work at once
 */
export function faceTracker(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  { face: choice, compat }: Pick<RenderOptions, 'face' | 'compat'>,
  lag: number,
): Tracker {
  const { models } = ctx
  const detect = detector(ctx, facts, compat)
  const byReference = compat === 'reference' && models.manifest.graphs.face_reference
  const boxFromJob = typeof choice === 'object' && 'boxes' in choice ? choice.boxes : undefined
  const threshold = models.manifest.face.threshold
  const whole: Box = [0, 0, facts.width, facts.height]
  const area = typeof choice === 'object' && 'box' in choice ? searchArea(choice.box, facts) : whole
  const follower = compat === 'reference' ? undefined : faceFollower(ctx, facts, lag)
  const pending: Earlier[] = [] // of the last frames, as many as the lag; at the start fewer

  const find = async (frame: Uint8Array, box: Box) =>
    (await detect(frame, box)).filter(({ score }) => score >= threshold)

  async function track(
    frame: Uint8Array,
    index: number,
    last: FaceDetection,
    cut: boolean,
  ): Promise<FaceDetection | undefined> {
    const followed = cut ? undefined : await follower?.follow(frame, index, last)
    if (followed && !follower!.isCheckDue(index)) return followed
    const window = squareAround(last.detected, WINDOW, facts)
    const found = window && matchTrack(await find(frame, window), last.detected)
    // Both are right then, and landmarks that come from one graph do not jump.
    return followed && found && agree(followed.landmarks, found.landmarks) ? followed : found
  }

  async function search(
    frame: Uint8Array,
    index: number,
    last: FaceDetection | undefined,
    cut: boolean,
  ): Promise<FaceDetection | undefined> {
    const tracked = last && (await track(frame, index, last, cut))
    if (tracked) return tracked
    const found = largest(await find(frame, area))
    if (found || index % Math.ceil(TILE_EVERY_S * fps(facts.rate)) !== 0) return found
    for (const tiles of tilings(area)) {
      const seen = (await Promise.all(tiles.map((tile) => find(frame, tile)))).flat()
      if (seen.length > 0) return largest(seen)
    }
    return undefined
  }

  async function lookup(
    frame: Uint8Array,
    index: number,
    view: Thumbnail,
    earlier: Earlier | undefined,
  ): Promise<FaceDetection | undefined> {
    if (boxFromJob) {
      const box = boxFromJob[index]
      if (!box) return undefined
      if (!usesLandmarks(models))
        return { detected: box, landmarks: NO_LANDMARKS, boxFromJob: true }
      const window = squareAround(box, 1.5, facts)
      const inside = window && largest(await detect(frame, window))
      return inside ? { detected: box, landmarks: inside.landmarks, boxFromJob: true } : undefined
    }
    if (byReference) {
      const [first] = await detect(frame, area)
      return first && first.score > threshold ? first : undefined
    }
    const cut = earlier !== undefined && isSceneCut(earlier.view, view)
    return search(frame, index, await earlier?.seen, cut)
  }

  return {
    detect(frame, index) {
      const view = thumbnail(frame, facts)
      const earlier = pending.length === lag ? pending.shift() : pending[0]
      const seen = lookup(frame, index, view, earlier)
      seen.catch(() => {}) // whoever awaits it gets the error; it may be nobody
      pending.push({ seen, view })
      return seen
    },
  }
}

/** A frame that a later one is compared with. */
interface Earlier {
  seen: Promise<FaceDetection | undefined>
  view: Thumbnail
}

const NO_LANDMARKS: Landmarks = new Float32Array(136) // for bundles that do not ask

/** Which face graph a job uses; a bundle may have one for the rules of the reference. */
const graphFor = ({ manifest }: Models, compat: RenderOptions['compat']) =>
  compat === 'reference' && manifest.graphs.face_reference ? 'face_reference' : 'face'

/** @throws InputError INVALID_JOB where a face must be looked for and the bundle has no graph for it */
export function assertDetectorAvailable(
  models: Models,
  { face, compat }: Pick<RenderOptions, 'face' | 'compat'>,
): void {
  const named = typeof face === 'object' && 'boxes' in face && !usesLandmarks(models)
  if (named || models.manifest.graphs[graphFor(models, compat)]) return
  const why = "this worker's bundle has no face detector: name the face's box in every frame"
  throw new InputError('INVALID_JOB', `face.boxes: ${why}`)
}

/** The bundle's face graph on a part of a frame. */
function detector(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  compat: RenderOptions['compat'],
) {
  const { models } = ctx
  const useWindow = windowsOf(facts, ctx)
  const graph = graphFor(models, compat)
  return (frame: Uint8Array, box: Box): Promise<Candidate[]> =>
    useWindow(frame, box, async (image) =>
      candidates(await models.run(graph, { image }), box[0], box[1]),
    )
}

function candidates({ boxes, scores, landmarks }: Tensors, dx: number, dy: number): Candidate[] {
  const moved = (values: ArrayLike<number>) =>
    Float32Array.from(values, (value, i) => value + (i % 2 === 0 ? dx : dy))
  const at = <T extends { subarray(a: number, b: number): T }>(data: T, i: number, size: number) =>
    data.subarray(i * size, (i + 1) * size)
  return Array.from(scores!.data as Float32Array, (score, i) => ({
    score,
    detected: [...moved(at(boxes!.data as Float32Array, i, 4))] as unknown as Region,
    landmarks: moved(at(landmarks!.data as Float32Array, i, 136)),
  }))
}

const largest = (found: Candidate[]): Candidate | undefined =>
  found.reduce<Candidate | undefined>(
    (best, face) =>
      !best || centerAndSide(face.detected).side > centerAndSide(best.detected).side ? face : best,
    undefined,
  )

/** The face that continues the track: close, and of similar size. */
function matchTrack(found: Candidate[], last: Region): Candidate | undefined {
  const { x, y, side } = centerAndSide(last)
  const distance = (face: Candidate) => {
    const now = centerAndSide(face.detected)
    const size = Math.max(now.side / side, side / now.side)
    return Math.hypot(now.x - x, now.y - y) / side + (size - 1)
  }
  const near = found.filter((face) => distance(face) < 1)
  return near.toSorted((a, b) => distance(a) - distance(b))[0]
}

const searchArea = (box: Region, frame: VideoInfo): Box =>
  squareAround(box, 1.5, frame) ?? [0, 0, frame.width, frame.height]

/** Enough for a panorama of seven to one; a ribbon of a picture has thousands, and no face. */
const MAX_TILES = 64

/** Overlapping squares with the side of the area's shorter one, then with half of it. */
export function* tilings([x1, y1, x2, y2]: Box): Generator<Box[]> {
  const short = Math.min(x2 - x1, y2 - y1)
  for (const side of [short, Math.ceil(short / 2)]) {
    const xs = tileStarts(x1, x2, side)
    const ys = tileStarts(y1, y2, side)
    const tiles = xs.length * ys.length
    if (tiles > 1 && tiles <= MAX_TILES) {
      yield ys.flatMap((y) => xs.map((x): Box => [x, y, x + side, y + side]))
    }
  }
}

/** Starts of spans of `side` that cover from..to and overlap by a third or more. */
function tileStarts(from: number, to: number, side: number): number[] {
  const room = to - from - side
  const count = room <= 0 ? 1 : 1 + Math.ceil(room / (side * 0.67))
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? from : from + Math.round((room * i) / (count - 1)),
  )
}
