import type { Coefficients } from './color/color-matrix.ts'
import { copyIn, copyOut, type FrameLayout } from './frame-patch.ts'
import type { Box } from './image.ts'
import { window, type Raster } from './kernel-memory.ts'
import type { Kernels } from './kernels.ts'
import { patchToRgb } from './patch-to-rgb.ts'
import { resizeBilinear, type BilinearTables } from './resize/bilinear.ts'

/** A face and where it goes. */
export interface Placement {
  /** 256x256 RGB. */
  readonly face: Raster
  /** Where all of it goes, frame px; may leave the frame. */
  readonly box: Box
  /** What is worked on, frame px: inside the frame and the box. */
  readonly area: Box
  /** 0..255, as large as the area. */
  readonly mask: Raster
  /** From the face to the box. */
  readonly tables: BilinearTables
}

/**
 * Lay a face over a frame under a mask, in place: resized as OpenCV does, and in RGB pasted as Pillow
 * does. In 4:2:0 what is added is the *change*, mask * YUV(face - source), without a round trip
 * through RGB, so that nothing changes where the mask is 0; a chroma sample takes the mean change of
 * the pixels around it.
 *
 * @see MuseTalk musetalk/utils/blending.py
 */
export function pasteFace(
  kernels: Kernels,
  frame: Uint8Array,
  layout: FrameLayout,
  { face, box, area, mask, tables }: Placement,
): void {
  const { run, memory } = kernels
  const patch = copyIn(memory, frame, layout, area)
  const [left, top, right, bottom] = patch.box
  const [width, height] = [right - left, bottom - top]
  const inside: Box = [area[0] - left, area[1] - top, area[2] - left, area[3] - top]
  const sized = memory.takeRaster(width, height, 3, 3 * width + 48)
  const wanted: Box = [area[0] - box[0], area[1] - box[1], area[2] - box[0], area[3] - box[1]]
  resizeBilinear(kernels, face, tables, wanted, window(sized, inside))
  const cover = memory.takeRaster(width, height, 1, width + 16)
  memory.bytes.fill(0, cover.at, cover.at + height * cover.stride)
  memory.copy(mask, window(cover, inside))

  if (patch.rgb) {
    const { at, stride } = patch.rgb
    for (let row = 0; row < height; row++) {
      const [over, under] = [sized.at + row * sized.stride, cover.at + row * cover.stride]
      run.pasteRowRgb(at + row * stride, over, under, width)
    }
  } else {
    const color = layout.color!
    const source = patchToRgb(kernels, patch, color, patch.box)
    const { y, u, v } = patch.planes!
    run.blendYuv(
      ...[y.at, y.stride, u.at, v.at, u.stride, source.at, source.stride],
      ...[sized.at, sized.stride, cover.at, cover.stride, width, height],
      ...[memory.put(changeTable(color)), color.centered ? 1 : 0, left === 0 ? 1 : 0],
      right > layout.width ? layout.width - 1 - left : -1,
      bottom > layout.height ? layout.height - 1 - top : -1,
      memory.take(12 * (width + 16)),
    )
  }
  copyOut(memory, patch, frame, layout, area)
}

const changeTable = ({ y, u, v }: Coefficients) => Int32Array.of(...y, ...u, ...v)
