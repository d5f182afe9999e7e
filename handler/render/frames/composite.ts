import type { MaskRule } from '../../../models/pixels/blend-mask.ts'
import { createPixelOperations } from '../../../models/pixels/pixel-operations.ts'
import type { Avatar } from '../face/avatar.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../context.ts'
import type { GeneratedFace } from './generate-faces.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { pingPongIndex } from './ping-pong.ts'

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
  const { mask: rule = DEFAULT_MASK } = ctx.models.manifest
  const { layout } = frameFormatFor(facts)
  const operations = createPixelOperations()
  const faces = mouths[Symbol.asyncIterator]()
  try {
    for await (const frame of frames) {
      const mouth = (await faces.next()).value as GeneratedFace
      const { face, weight, index } = mouth
      const placement = avatar.facePlacement(pingPongIndex(index, avatar.count))
      if (face && placement) {
        await ctx.stage('composite', async () => {
          const bits = await avatar.maskOf(placement)
          const mask = bits ? { bits } : { rule }
          operations.pasteFace(frame, layout, { face, box: placement.box, mask, weight })
        })
      }
      yield frame
    }
  } finally {
    await faces.return?.()
  }
}
