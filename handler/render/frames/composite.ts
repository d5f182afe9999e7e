import type { MaskRule } from '../../../models/pixels/blend-mask.ts'
import { mapConcurrent } from '../../system/concurrent-map.ts'
import { unpackMask } from '../avatar/avatar-record.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../context.ts'
import type { GeneratedFrame } from './generate-faces.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'

/** The whole crop, with a feathered edge: for a bundle that says nothing about its mask. */
const DEFAULT_MASK: MaskRule = { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 }

const IN_WORK = 4 // frames

/**
 * Lay the generated faces over their frames, in order; samples outside a face's mask are not touched,
 * so they are byte for byte the source's.
 */
export function composite(
  frames: AsyncIterable<GeneratedFrame>,
  facts: VideoInfo,
  { compat }: Pick<RenderOptions, 'compat'>,
  { models, pixels, stage }: Pick<RenderContext, 'models' | 'pixels' | 'stage'>,
): AsyncGenerator<Uint8Array> {
  const { mask: rule = DEFAULT_MASK } = models.manifest
  const { layout } = frameFormatFor(facts)
  return mapConcurrent(IN_WORK, frames, async ({ frame, placement, face, weight, kept }) => {
    if (!face || !placement) return frame
    const mask = models.graphs.parse ? { bits: unpackMask(kept!) } : { rule }
    const matchTone = compat !== 'reference'
    const paste = { face, box: placement.box, mask, weight, matchTone }
    await stage('composite', () => pixels.pasteFace(frame, layout, paste))
    return frame
  })
}
