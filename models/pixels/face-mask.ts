import { cropBox, featherSize } from './blend-mask.ts'
import { HEAD_SIDE } from './crop-face.ts'
import { gaussianKernel } from './gaussian-kernel.ts'
import type { Box } from './image.ts'
import { window, type Raster } from './kernel-memory.ts'
import type { Kernels } from './kernels.ts'
import { resizePillow, type PillowTables } from './resize/pillow.ts'

const EMPTY = -32768 // a sum of 0, as blurRow has it

/** Which part of its face box a parsed mask can show, its feather included: frame px. */
export function shownArea(face: Box): Box {
  const [, top, , bottom] = cropBox(face)
  const half = featherSize(bottom - top) >> 1
  return [face[0], Math.max(face[1], (top + bottom) / 2 - half), face[2], face[3]]
}

/**
 * The paste mask of a parsed face inside its box, 0..255, feathered: what `faceMask` of the scalar
 * reference has there. The feather is narrower than the room between the box and its crop box, so
 * that no border of the crop box is mirrored into it.
 *
 * @param bits address of the parsed mask of the crop box: 512x512, one bit per pixel
 * @param tables from 512x512 to the crop box, bicubic
 * @returns as large as `shownArea`
 */
export function faceMask(kernels: Kernels, bits: number, face: Box, tables: PillowTables): Raster {
  const { run, memory } = kernels
  const [left, top, right, bottom] = cropBox(face)
  const middle = Math.max(face[1], (top + bottom) / 2)
  const kept: Box = [face[0] - left, middle - top, face[2] - left, face[3] - top]
  const half = featherSize(right - left) >> 1
  const weights = gaussianKernel(2 * half + 1)

  const parsed = memory.takeRaster(HEAD_SIDE, HEAD_SIDE, 1)
  run.unpackBits(bits, 0, HEAD_SIDE * HEAD_SIDE, parsed.at)
  const sharp = paddedRaster(kernels, face[2] - face[0], face[3] - middle, half)
  resizePillow(kernels, parsed, tables, kept, sharp)
  clearPadding(kernels, sharp, half)

  const { width, height } = sharp
  const [, first, , last] = shownArea(face)
  const above = middle - first + half
  const stride = (2 * width + 31) & ~15
  const sums = memory.take((above + height + half + 1) * stride)
  const fill = (row: number, count: number) =>
    new Int16Array(memory.bytes.buffer, sums + row * stride, (count * stride) / 2).fill(EMPTY)
  fill(0, above)
  fill(above + height, half + 1)
  const outer = memory.put(Int16Array.from(weights.subarray(0, half + 1)))
  for (let y = 0; y < height; y++) {
    const [from, to] = [sharp.at - half + y * sharp.stride, sums + (above + y) * stride]
    run.blurRow(from, to, width, outer, half)
  }
  const mask = memory.takeRaster(width, last - first, 1, (width + 15) & ~15)
  const all = memory.put(Int16Array.of(...weights, 0))
  for (let y = 0; y < mask.height; y++) {
    run.blurColumns(sums + y * stride, stride, mask.at + y * mask.stride, width, all, half)
  }
  return mask
}

/** A raster with `half` samples of 0 before and after each row, once its padding is cleared. */
function paddedRaster({ memory }: Kernels, width: number, height: number, half: number): Raster {
  const stride = (width + 2 * half + 15) & ~15
  return window(memory.takeRaster(stride, height, 1), [half, 0, half + width, height])
}

function clearPadding({ memory }: Kernels, { at, width, height, stride }: Raster, half: number) {
  const { bytes } = memory
  bytes.fill(0, at - half, at)
  for (let y = 0; y < height; y++) {
    bytes.fill(0, at + y * stride + width, at + (y + 1) * stride)
  }
}
