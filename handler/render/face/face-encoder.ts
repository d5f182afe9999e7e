import type { Models } from '../../../models/inference/models.ts'
import { tensorBytes, tensorOf, type Tensors } from '../../../models/inference/tensor.ts'
import { FACE_SIDE, HEAD_SIDE } from '../../../models/pixels/crop-face.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { MaskMode } from '../../../models/pixels/parsing-mask.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { RenderContext } from '../render-context.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { packRecord } from '../avatar/avatar-record.ts'
import { clipToFrame, toCropCoordinates, type Landmarks } from './face-box.ts'

/** A frame and where its face lies. */
export interface FaceToEncode {
  frame: Uint8Array
  box: Box
  /** Asked for only where a bundle draws from them. */
  landmarks: () => Landmarks
}

/** Cuts the faces of one batch out of their frames and encodes them: one record each. */
export type FaceEncoder = (faces: readonly FaceToEncode[]) => Promise<Uint8Array[]>

const FACE_BYTES = FACE_SIDE * FACE_SIDE * 3
const HEAD_BYTES = HEAD_SIDE * HEAD_SIDE * 3
const POINTS = 2 * 68

/** Whether a bundle draws faces from landmarks; else a box is all that it needs of one. */
export const usesLandmarks = ({ graphs }: Models): boolean =>
  graphs.encode?.inputs.some(({ name }) => name === 'landmarks') ?? false

/**
 * How many faces `encode` and `parse` are fed at once: many on a card. On a CPU one, or where geometry takes the
 * place of a network: its hundreds of small nodes take longer to be started than to compute.
 */
export const encodeBatchSize = (models: Models, batchSize: number): number =>
  models.graphs.encode?.device === 'cuda' || usesLandmarks(models) ? batchSize : 1

/**
 * Several batches may be in work at once.
 *
 * @param size of a batch; on a card a smaller one is filled up, for each new shape costs a search for
 *   the fastest kernels
 * @see MuseTalk musetalk/utils/blending.py and scripts/inference.py for crop and parsing
 */
export function faceEncoder(
  facts: VideoInfo,
  mode: MaskMode,
  size: number,
  { models, pixels, buffers }: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
): FaceEncoder {
  const { layout } = frameFormatFor(facts)
  const withLandmarks = usesLandmarks(models)
  const padded = models.graphs.encode?.device === 'cuda'
  const parsed = models.graphs.parse

  async function encode(feeds: Tensors, crops: Uint8Array): Promise<Tensors> {
    const states = await models.run('encode', feeds)
    buffers.give(crops)
    return states
  }

  /** Which pixels of each head may be replaced: one bit each. */
  async function parse(heads: Uint8Array, batch: number): Promise<Uint8Array> {
    const image = tensorOf('uint8', [batch, HEAD_SIDE, HEAD_SIDE, 3], heads)
    const { classes } = await models.run('parse', { [parsed!.inputs[0]!.name]: image })
    buffers.give(heads)
    return tensorBytes(classes!)
  }

  return async (faces) => {
    if (faces.length === 0) return []
    const batch = padded ? Math.max(size, faces.length) : faces.length
    const crops = buffers.take(batch * FACE_BYTES)
    const heads = parsed && buffers.take(batch * HEAD_BYTES)
    const crop = ({ frame, box }: FaceToEncode, i: number) => {
      const head = heads && { head: part(heads, i, HEAD_BYTES) }
      return { frame, box, face: part(crops, i, FACE_BYTES), ...head }
    }
    await pixels.cropFaces(layout, faces.map(crop))
    const feeds: Tensors = { crop: tensorOf('uint8', [batch, FACE_SIDE, FACE_SIDE, 3], crops) }
    if (withLandmarks) feeds.landmarks = cropLandmarks(faces, batch, facts)
    const [states, classes] = await Promise.all([
      encode(feeds, crops),
      heads && parse(heads, batch),
    ])
    const masks = classes && (await pixels.packMasks(classes, faces.length, mode))
    return faces.map((_, i) => packRecord(states, i, masks?.[i], models.manifest))
  }
}

const part = (batch: Uint8Array, item: number, bytes: number): Uint8Array =>
  batch.subarray(item * bytes, (item + 1) * bytes)

function cropLandmarks(faces: readonly FaceToEncode[], batch: number, facts: VideoInfo) {
  const data = new Float32Array(batch * POINTS)
  for (const [i, { landmarks, box }] of faces.entries()) {
    data.set(toCropCoordinates(landmarks(), clipToFrame(box, facts)), i * POINTS)
  }
  return { type: 'float32', dims: [batch, 68, 2], data } as const
}
