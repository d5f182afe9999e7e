import type { Models } from '../../../models/inference/bundle.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import { FACE_SIDE, HEAD_SIDE } from '../../../models/pixels/crop-face.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { MaskMode } from '../../../models/pixels/parsing-mask.ts'
import {
  createPixelOperations,
  type PixelOperations,
} from '../../../models/pixels/pixel-operations.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { packRecord } from './avatar-record.ts'
import { clipToFrame, toCropCoordinates, type Landmarks } from './face-box.ts'

/** Cuts a face out of a frame and encodes it: one record. */
export type FaceEncoder = (frame: Uint8Array, box: Box, landmarks: Landmarks) => Promise<Uint8Array>

/** Whether a bundle draws faces from landmarks; else a box is all that it needs of one. */
export const usesLandmarks = ({ graphs }: Models): boolean =>
  graphs.encode?.inputs.some(({ name }) => name === 'landmarks') ?? false

/** @see MuseTalk musetalk/utils/blending.py and scripts/inference.py for crop and parsing */
export function faceEncoder(models: Models, facts: VideoInfo, mode: MaskMode): FaceEncoder {
  const { layout } = frameFormatFor(facts)
  const operations = createPixelOperations()
  const withLandmarks = usesLandmarks(models)

  return async (frame, box, landmarks) => {
    const face = square(FACE_SIDE)
    const head = models.graphs.parse && square(HEAD_SIDE)
    operations.cropFace(frame, layout, box, { face: face.data, ...(head && { head: head.data }) })
    const feeds: Tensors = { crop: face }
    if (withLandmarks) {
      const data = toCropCoordinates(landmarks, clipToFrame(box, facts))
      feeds.landmarks = { type: 'float32', dims: [1, 68, 2], data }
    }
    const mask = head && (await parse(models, operations, head, mode))
    return packRecord(await models.run('encode', feeds), mask, models.manifest)
  }
}

const square = (side: number): Tensor & { data: Uint8Array } => ({
  type: 'uint8',
  dims: [1, side, side, 3],
  data: new Uint8Array(side * side * 3),
})

/** Which pixels of the head may be replaced: one bit each. */
async function parse(
  models: Models,
  operations: PixelOperations,
  head: Tensor,
  mode: MaskMode,
): Promise<Uint8Array> {
  const { classes } = await models.run('parse', { [models.graphs.parse!.inputs[0]!.name]: head })
  return operations.packMask(classes!.data as Uint8Array, mode)
}
