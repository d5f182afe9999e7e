import type { Coefficients } from './color/color-matrix.ts'
import { bufferOver } from '../system/buffer-over.ts'
import type { Box, Image } from './image.ts'
import { window, type KernelMemory, type Raster } from './kernel-memory.ts'
import { yuvFrame } from './yuv.ts'

/** How the frames of a clip are stored: planar 4:2:0, or RGB. */
export interface FrameLayout {
  readonly width: number
  readonly height: number
  /** How 4:2:0 codes color; absent where frames are RGB. */
  readonly color?: Coefficients
}

/** A part of a frame in the kernels' memory, with the chroma around it that its own is drawn from. */
export interface Patch {
  /** Frame px; in 4:2:0 it begins and ends at even ones, which may be one past the frame's last. */
  readonly box: Box
  /** 4:2:0; one more sample lies on each side of the chroma planes. */
  readonly planes?: { readonly y: Raster; readonly u: Raster; readonly v: Raster }
  readonly rgb?: Raster
}

/** Copy a part of a frame into the kernels' memory. */
export function copyIn(
  memory: KernelMemory,
  frame: Uint8Array,
  format: FrameLayout,
  box: Box,
): Patch {
  return format.color ? yuvPatch(memory, frame, format, box) : rgbPatch(memory, frame, format, box)
}

/** Copy what was changed inside a box back into the frame. */
export function copyOut(
  memory: KernelMemory,
  patch: Patch,
  frame: Uint8Array,
  { width, height }: FrameLayout,
  [x1, y1, x2, y2]: Box,
): void {
  const [left, top] = patch.box
  const bytes = bufferOver(memory.bytes)
  const back = (from: Raster, plane: Image, [a, b, c, d]: Box, dx: number, dy: number) => {
    for (let y = b; y < d; y++) {
      const start = from.at + (y - dy) * from.stride + (a - dx) * from.channels
      const to = plane.offset + y * plane.stride + a * from.channels
      bytes.copy(plane.data, to, start, start + (c - a) * from.channels)
    }
  }
  if (patch.rgb) {
    const plane = { data: frame, width, height, channels: 3, offset: 0, stride: 3 * width }
    return back(patch.rgb, plane, [x1, y1, x2, y2], left, top)
  }
  const { y, u, v } = yuvFrame(frame, width, height)
  back(patch.planes!.y, y, [x1, y1, x2, y2], left, top)
  const chroma: Box = [x1 >> 1, y1 >> 1, (x2 + 1) >> 1, (y2 + 1) >> 1]
  back(patch.planes!.u, u, chroma, left >> 1, top >> 1)
  back(patch.planes!.v, v, chroma, left >> 1, top >> 1)
}

function rgbPatch(memory: KernelMemory, frame: Uint8Array, format: FrameLayout, box: Box): Patch {
  const [x1, y1, x2, y2] = box
  const rgb = memory.takeRaster(x2 - x1, y2 - y1, 3)
  const { bytes } = memory
  const samples = bufferOver(frame)
  for (let y = y1; y < y2; y++) {
    const start = 3 * (y * format.width + x1)
    samples.copy(bytes, rgb.at + (y - y1) * rgb.stride, start, start + rgb.stride)
  }
  return { box, rgb }
}

function yuvPatch(
  memory: KernelMemory,
  frame: Uint8Array,
  { width, height }: FrameLayout,
  [x1, y1, x2, y2]: Box,
): Patch {
  const box: Box = [x1 & ~1, y1 & ~1, (x2 + 1) & ~1, (y2 + 1) & ~1]
  const { y, u, v } = yuvFrame(frame, width, height)
  const [across, down] = [box[2] - box[0], box[3] - box[1]]
  const luma = memory.takeRaster(across, down, 1, (across + 15) & ~15)
  copyRows(memory, y, box[0], box[1], luma)
  const chroma = (plane: Image): Raster => {
    const stride = (across / 2 + 2 + 15) & ~15
    const all = memory.takeRaster(across / 2 + 2, down / 2 + 2, 1, stride)
    copyRows(memory, plane, box[0] / 2 - 1, box[1] / 2 - 1, all)
    return window(all, [1, 1, all.width - 1, all.height - 1])
  }
  return { box, planes: { y: luma, u: chroma(u), v: chroma(v) } }
}

/** Fill a raster from a plane, beginning at (left, top); beyond the plane its edges go on. */
function copyRows(memory: KernelMemory, plane: Image, left: number, top: number, to: Raster) {
  const { bytes } = memory
  const { data, width, height, offset, stride } = plane
  const samples = bufferOver(data)
  const from = Math.max(0, left)
  const end = Math.min(width, left + to.width)
  for (let y = 0; y < to.height; y++) {
    const row = offset + Math.min(Math.max(top + y, 0), height - 1) * stride
    const at = to.at + y * to.stride
    samples.copy(bytes, at + from - left, row + from, row + end)
    if (left < from) bytes.fill(data[row]!, at, at + from - left)
    if (end < left + to.width) bytes.fill(data[row + width - 1]!, at + end - left, at + to.width)
  }
}
