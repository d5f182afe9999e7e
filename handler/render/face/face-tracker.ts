import type { Models } from '../../../models/inference/models.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { InputError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'
import { squareAround, type FaceDetection, type Landmarks, type Region } from './face-box.ts'
import { usesLandmarks } from './face-encoder.ts'
import { bySize, faceFinder, graphFor } from './face-finder.ts'
import { personTracker } from './person-tracker.ts'
import type { ViewedFrame } from './scene-cut.ts'
import type { Tracker } from './tracked-face.ts'
import type { WantedPerson } from './person/wanted-person.ts'

/**
 * The face that a job asks for: followed by who it is, or the job's own boxes, or by MuseTalk's own
 * rule, where nothing is tracked: each frame is searched as a whole, and its surest face is taken.
 *
 * @param lag frames that may be in work at once
 * @param wanted the one that the job points at
 */
export function faceTracker(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  { face: choice, compat }: Pick<RenderOptions, 'face' | 'compat'>,
  lag: number,
  wanted?: WantedPerson,
): Tracker {
  const { models } = ctx
  const finder = faceFinder(ctx, facts, compat)
  const area = searchArea(choice, facts)
  const single = (
    look: (frame: Uint8Array, index: number) => Promise<FaceDetection | undefined>,
  ) => ({
    detect: async ({ frame }: ViewedFrame, index: number) => ({
      seen: await look(frame, index),
      hidden: false,
    }),
  })
  if (typeof choice === 'object' && 'boxes' in choice) {
    return single(async (frame, index) => {
      const box = choice.boxes[index]
      if (!box) return undefined
      if (!usesLandmarks(models))
        return { detected: box, landmarks: NO_LANDMARKS, boxFromJob: true, score: 1 }
      const window = squareAround(box, 1.5, facts)
      const inside = window && bySize(await finder.detect(frame, window))[0]
      return inside && { detected: box, landmarks: inside.landmarks, boxFromJob: true, score: 1 }
    })
  }
  if (compat === 'reference' && models.manifest.graphs.face_reference && !wanted) {
    const { threshold } = models.manifest.face
    return single(async (frame) => {
      const [first] = await finder.detect(frame, area)
      return first && first.score > threshold ? first : undefined
    })
  }
  return personTracker(ctx, facts, finder, area, compat, lag, wanted)
}

const NO_LANDMARKS: Landmarks = new Float32Array(136) // for bundles that do not ask

function searchArea(choice: RenderOptions['face'], frame: VideoInfo): Box {
  const box: Region | undefined =
    typeof choice === 'object' && 'box' in choice ? choice.box : undefined
  return (box && squareAround(box, 1.5, frame)) ?? [0, 0, frame.width, frame.height]
}

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
