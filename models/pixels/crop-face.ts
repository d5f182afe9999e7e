import { cropBox } from './blend-mask.ts'
import { copyIn, type FrameLayout } from './frame-patch.ts'
import { clipBox, type Box } from './image.ts'
import { window, type Raster } from './kernel-memory.ts'
import type { Kernels } from './kernels.ts'
import { patchToRgb } from './patch-to-rgb.ts'
import { resizeLanczos4, type LanczosTables } from './resize/lanczos.ts'
import { pillowTables, resizePillow } from './resize/pillow.ts'
import { upscale, upscaleTables } from './resize/upscale.ts'

/** Side of what the face networks look at, px. */
export const FACE_SIDE = 256
/** Side of what the parsing network looks at, px. */
export const HEAD_SIDE = 512

/**
 * A face as the networks want it: RGB, resized as MuseTalk does.
 *
 * @param box of the face, frame px; what of it leaves the frame is left out
 * @param tables from what is left to 256x256
 * @see MuseTalk scripts/inference.py
 */
export function cropFace(
  kernels: Kernels,
  frame: Uint8Array,
  layout: FrameLayout,
  box: Box,
  tables: LanczosTables,
): Raster {
  const seen = clipBox(box, layout)
  const patch = copyIn(kernels.memory, frame, layout, seen)
  return resizeLanczos4(kernels, patchToRgb(kernels, patch, layout.color, seen), tables)
}

/** Resizes the crop box around a face. */
export type HeadResize = (square: Raster, head: Raster) => void

/** Bilinear, as Pillow does it, from a square to what the parsing network looks at. */
export function headResize(kernels: Kernels, side: number): HeadResize {
  if (side <= HEAD_SIDE) {
    const tables = upscaleTables(side, HEAD_SIDE)
    return (square, head) => upscale(kernels, square, tables, head)
  }
  const tables = pillowTables([side, side], [HEAD_SIDE, HEAD_SIDE], 'bilinear')
  return (square, head) => resizePillow(kernels, square, tables, [0, 0, HEAD_SIDE, HEAD_SIDE], head)
}

/**
 * The face, and the head around it for parsing; the latter black where its square leaves the frame.
 *
 * @param resizeHead from the crop box to 512x512
 * @see MuseTalk musetalk/utils/blending.py
 */
export function cropFaceAndHead(
  kernels: Kernels,
  frame: Uint8Array,
  layout: FrameLayout,
  box: Box,
  tables: LanczosTables,
  resizeHead: HeadResize,
): { face: Raster; head: Raster } {
  const { memory } = kernels
  const square = cropBox(box)
  const seen = clipBox(square, layout)
  const patch = copyIn(memory, frame, layout, seen)
  const rgb = patchToRgb(kernels, patch, layout.color, seen)
  const face = window(rgb, translate(clipBox(box, layout), seen))
  const head = memory.takeRaster(HEAD_SIDE, HEAD_SIDE, 3)
  resizeHead(padded(kernels, rgb, seen, square), head)
  return { face: resizeLanczos4(kernels, face, tables), head }
}

function padded({ memory }: Kernels, rgb: Raster, seen: Box, square: Box): Raster {
  if (seen.every((edge, k) => edge === square[k])) return rgb
  const all = memory.takeRaster(square[2] - square[0], square[3] - square[1], 3)
  memory.bytes.fill(0, all.at, all.at + all.height * all.stride)
  memory.copy(rgb, window(all, translate(seen, square)))
  return all
}

const translate = ([x1, y1, x2, y2]: Box, [dx, dy]: Box): Box => [
  x1 - dx,
  y1 - dy,
  x2 - dx,
  y2 - dy,
]
