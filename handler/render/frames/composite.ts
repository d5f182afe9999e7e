import type { Manifest } from '../../../models/inference/manifest.ts'
import {
  bilinearPlan,
  resizeBilinear,
  type BilinearPlan,
} from '../../../models/pixels/resize-bilinear.ts'
import { image, type Box, type Image } from '../../../models/pixels/image.ts'
import { ruleMask, type MaskRule } from '../../../models/pixels/blend-mask.ts'
import type { Avatar } from '../face/avatar.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../context.ts'
import type { GeneratedFace } from './generate-faces.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { pingPongIndex } from './ping-pong.ts'

const SIDE = 256
/** The whole crop, with a feathered edge: for a bundle that says nothing about its mask. */
const DEFAULT_MASK: MaskRule = { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 }

/**
 * Lay the generated faces over the source frames. Both come in the same order, one mouth per frame;
 * samples outside a face's mask are not touched, so they are byte for byte the source's.
 */
export async function* composite(
  frames: AsyncIterable<Uint8Array>,
  mouths: AsyncIterable<GeneratedFace>,
  avatar: Avatar,
  facts: VideoInfo,
  ctx: RenderContext,
): AsyncGenerator<Uint8Array> {
  const paste = createPaster(facts, ctx.models.manifest)
  const faces = mouths[Symbol.asyncIterator]()
  try {
    for await (const frame of frames) {
      const mouth = (await faces.next()).value as GeneratedFace
      const { face, weight, index } = mouth
      const placement = avatar.facePlacement(pingPongIndex(index, avatar.count))
      if (face && placement) {
        await ctx.stage('composite', async () =>
          paste(frame, face, placement.box, weight, await avatar.maskOf(placement)),
        )
      }
      yield frame
    }
  } finally {
    await faces.return?.()
  }
}

interface Parsed {
  mask: Image
  at: Box
}

/** Buffers and tables are kept while the box keeps its size, which a smoothed box mostly does. */
function createPaster(facts: VideoInfo, { mask: rule = DEFAULT_MASK }: Manifest) {
  const canvas = frameFormatFor(facts)
  let plan: BilinearPlan | undefined
  let [scaled, ruled]: Image[] = []

  return (
    frame: Uint8Array,
    face: Uint8Array,
    box: Box,
    weight: number,
    parsed: Parsed | undefined,
  ): void => {
    const [width, height] = [box[2] - box[0], box[3] - box[1]]
    const from = image(SIDE, SIDE, 3, face)
    if (scaled?.width !== width || scaled.height !== height) {
      scaled = image(width, height, 3)
      ruled = ruleMask(rule, width, height)
      plan = bilinearPlan(from, scaled)
    }
    resizeBilinear(from, scaled, plan)
    const { mask, at } = parsed ?? { mask: ruled!, at: box }
    canvas.paste(frame, scaled, box, weight < 1 ? scaleMask(mask, weight) : mask, at)
  }
}

function scaleMask({ width, height, data }: Image, weight: number): Image {
  return image(
    width,
    height,
    1,
    data.map((value) => Math.round(value * weight)),
  )
}
