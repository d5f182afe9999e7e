import type { Tensor } from '../../../models/inference/tensor.ts'
import type { Box } from '../../../models/pixels/image.ts'
import type { RenderContext } from '../render-context.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { VideoInfo } from '../media/media-info.ts'

/** Runs something on a part of a frame: u8 [H,W,3] RGB, which is its only until it has ended. */
export type UseWindow = <T>(
  frame: Uint8Array,
  box: Box,
  use: (window: Tensor) => Promise<T>,
) => Promise<T>

/** How many exist at once: graphs take one after the other, and a batch of whole pictures at 1080p is 100 MB. */
const WINDOWS = 4

export function windowsOf(
  facts: VideoInfo,
  { pixels, buffers }: Pick<RenderContext, 'pixels' | 'buffers'>,
): UseWindow {
  const { layout } = frameFormatFor(facts)
  const places = Array.from({ length: WINDOWS }, () => Promise.resolve())
  return async (frame, box, use) => {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>()
    const place = places.shift()!
    places.push(left)
    await place
    try {
      const [width, height] = [box[2] - box[0], box[3] - box[1]]
      const data = buffers.take(3 * width * height)
      await pixels.extractRgb(frame, layout, box, data)
      const outcome = await use({ type: 'uint8', dims: [height, width, 3], data })
      buffers.give(data)
      return outcome
    } finally {
      leave()
    }
  }
}
