import type { Coefficients } from './color/color-matrix.ts'
import type { Patch } from './frame-patch.ts'
import type { Box } from './image.ts'
import { window, type Raster } from './kernel-memory.ts'
import type { Kernels } from './kernels.ts'

/**
 * A patch of a frame as RGB; chroma is interpolated linearly between its samples.
 *
 * @param color as in the frame's layout
 * @returns what of it lies in `box`, frame px
 */
export function patchToRgb(
  { run, memory }: Kernels,
  patch: Patch,
  color: Coefficients | undefined,
  box: Box,
): Raster {
  const [left, top, right, bottom] = patch.box
  const inside: Box = [box[0] - left, box[1] - top, box[2] - left, box[3] - top]
  if (patch.rgb) return window(patch.rgb, inside)
  const { y, u, v } = patch.planes!
  const rgb = memory.takeRaster(right - left, bottom - top, 3)
  const { black, luma, redV, greenU, greenV, blueU, centered } = color!
  const table = memory.put(
    Int32Array.of(black, luma, redV, greenU, greenV, blueU, centered ? 1 : 0),
  )
  const from = [y.at, y.stride, u.at, v.at, u.stride, rgb.width, rgb.height, table] as const
  run.yuvToRgb(...from, rgb.at, rgb.stride)
  return window(rgb, inside)
}
