import type { Models } from '../../../models/inference/bundle.ts'
import { classMask, type MaskMode } from '../../../models/pixels/parsing-mask.ts'
import { copy, crop, image, sizeOf, type Box, type Image } from '../../../models/pixels/image.ts'
import {
  lanczosPlan,
  resizeLanczos4,
  type LanczosPlan,
} from '../../../models/pixels/resize-lanczos.ts'
import { cropBox } from '../../../models/pixels/blend-mask.ts'
import { resizePillow } from '../../../models/pixels/resize-pillow.ts'
import type { Tensors } from '../../../models/inference/tensor.ts'
import { toCropCoordinates, clipToFrame, type Landmarks } from './face-box.ts'
import { frameFormatFor, type FrameFormat } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { packRecord } from './avatar-record.ts'

const FACE = 256
const HEAD = 512

/** Cuts a face out of a frame and encodes it: one record. */
export type FaceEncoder = (frame: Uint8Array, box: Box, landmarks: Landmarks) => Promise<Uint8Array>

/** Whether a bundle draws faces from landmarks; else a box is all that it needs of one. */
export const usesLandmarks = ({ graphs }: Models): boolean =>
  graphs.encode?.inputs.some(({ name }) => name === 'landmarks') ?? false

/** @see MuseTalk musetalk/utils/blending.py and scripts/inference.py for crop and parsing */
export function faceEncoder(models: Models, facts: VideoInfo, mode: MaskMode): FaceEncoder {
  const canvas = frameFormatFor(facts)
  const face = image(FACE, FACE, 3)
  const withLandmarks = usesLandmarks(models)
  let plan: LanczosPlan | undefined

  return async (frame, box, landmarks) => {
    const visibleBox = clipToFrame(box, facts)
    const cut = canvas.extractRgb(frame, visibleBox)
    if (plan?.from !== sizeOf(cut)) plan = lanczosPlan(cut, face)
    resizeLanczos4(cut, face, plan)
    const feeds: Tensors = { crop: { type: 'uint8', dims: [1, FACE, FACE, 3], data: face.data } }
    if (withLandmarks) {
      feeds.landmarks = {
        type: 'float32',
        dims: [1, 68, 2],
        data: toCropCoordinates(landmarks, visibleBox),
      }
    }
    const mask = models.graphs.parse && (await parse(models, canvas, facts, frame, box, mode))
    return packRecord(await models.run('encode', feeds), mask, models.manifest)
  }
}

/** Which pixels of the head may be replaced: 512x512 over the crop box, 0 or 255. */
async function parse(
  models: Models,
  canvas: FrameFormat,
  facts: VideoInfo,
  frame: Uint8Array,
  box: Box,
  mode: MaskMode,
): Promise<Image> {
  const around = cropBox(box)
  const [left, top, right, bottom] = around
  const square = image(right - left, bottom - top, 3) // black where it leaves the frame
  const visibleBox = clipToFrame(around, facts)
  const inside: Box = [
    visibleBox[0] - left,
    visibleBox[1] - top,
    visibleBox[2] - left,
    visibleBox[3] - top,
  ]
  copy(canvas.extractRgb(frame, visibleBox), crop(square, inside))
  const head = image(HEAD, HEAD, 3)
  resizePillow(square, head, 'bilinear')
  const name = models.graphs.parse!.inputs[0]!.name
  const feeds: Tensors = { [name]: { type: 'uint8', dims: [1, HEAD, HEAD, 3], data: head.data } }
  const { classes } = await models.run('parse', feeds)
  return classMask(image(HEAD, HEAD, 1, classes!.data as Uint8Array), mode)
}
