import type { MaskRule } from '../../../models/pixels/blend-mask.ts'
import { mapConcurrent } from '../../system/concurrent-map.ts'
import { unpackMask } from '../avatar/avatar-record.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../render-context.ts'
import type { GeneratedFrame } from './generate-faces.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'

/** The whole crop, with a feathered edge: for a bundle that says nothing about its mask. */
const DEFAULT_MASK: MaskRule = { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 }

const IN_WORK = 2 // batches: one whose frames are encoded, one whose faces are laid on

/**
 * Lay the generated faces over their frames, in order; samples outside a face's mask are not touched,
 * so they are byte for byte the source's. The faces of a batch go to the thread that lays them on as
 * they came from the graph, in one piece.
 */
export async function* composite(
  batches: AsyncIterable<readonly GeneratedFrame[]>,
  facts: VideoInfo,
  { compat }: Pick<RenderOptions, 'compat'>,
  { models, pixels, stage }: Pick<RenderContext, 'models' | 'pixels' | 'stage'>,
): AsyncGenerator<Uint8Array> {
  const { mask: rule = DEFAULT_MASK } = models.manifest
  const { layout } = frameFormatFor(facts)
  const pasteOf = ({ frame, placement, face, weight, kept }: GeneratedFrame) => {
    if (!face || !placement) return []
    const mask = models.graphs.parse ? { bits: unpackMask(kept!) } : { rule }
    const matchTone = compat !== 'reference'
    return { frame, face, box: placement.box, mask, weight, matchTone }
  }
  const laid = mapConcurrent(IN_WORK, batches, async (batch) => {
    const pastes = batch.flatMap(pasteOf)
    if (pastes.length > 0) await stage('composite', () => pixels.pasteFaces(layout, pastes))
    return batch.map(({ frame }) => frame)
  })
  for await (const frames of laid) yield* frames
}
