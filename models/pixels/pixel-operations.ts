import { cropBox, ruleMask, type MaskRule } from './blend-mask.ts'
import { cropFace, cropFaceAndHead, FACE_SIDE, HEAD_SIDE, headResize } from './crop-face.ts'
import { faceMask, shownArea } from './face-mask.ts'
import { copyIn, type FrameLayout } from './frame-patch.ts'
import { clipBox, type Box, type Image } from './image.ts'
import { window, type Raster } from './kernel-memory.ts'
import { startKernels, type Kernels } from './kernels.ts'
import { MASK_BYTES, maskOfClasses, type MaskMode } from './parsing-mask.ts'
import { pasteFace } from './paste-face.ts'
import { patchToRgb } from './patch-to-rgb.ts'
import { toneOf, withTone } from './color/source-tone.ts'
import { bilinearTables } from './resize/bilinear.ts'
import { lanczosTables } from './resize/lanczos.ts'
import { pillowTables } from './resize/pillow.ts'

/** A generated face and how it is laid over a frame. */
export interface Paste {
  /** 256x256 RGB. */
  face: Uint8Array
  /** Frame px; may leave the frame. */
  box: Box
  /** The parsed mask of the crop box (see `packMask`), or a rule that makes one of the box. */
  mask: { bits: Uint8Array } | { rule: MaskRule }
  /** 0..1: how much of the face shows. */
  weight: number
  /** Give the face the colors of what it is laid over, where that has few or none. */
  matchTone?: boolean
}

/** All pixel work of a render, on the thread that calls. */
export interface PixelOperations {
  /**
   * A part of a frame as RGB.
   * @param box inside the frame, px
   * @param out filled: rows without gaps
   */
  extractRgb(frame: Uint8Array, layout: FrameLayout, box: Box, out: Uint8Array): void
  /**
   * What the networks look at: the face, 256x256, and its head, 512x512.
   * @param box of the face, frame px; may leave the frame
   * @param out filled: RGB
   */
  cropFace(
    frame: Uint8Array,
    layout: FrameLayout,
    box: Box,
    out: { face: Uint8Array; head?: Uint8Array },
  ): void
  /**
   * Which pixels of a parsed head may be replaced.
   * @param classes 512x512 class ids
   * @returns one bit per pixel, 32 KiB
   */
  packMask(classes: Uint8Array, mode: MaskMode): Uint8Array
  /** Lay a face over a frame, in place; samples whose mask is 0 stay as they are. */
  pasteFace(frame: Uint8Array, layout: FrameLayout, paste: Paste): void
}

/** Tables are kept while a box keeps its size, which a smoothed box mostly does. */
export function createPixelOperations(kernels: Kernels = startKernels()): PixelOperations {
  const { memory } = kernels
  const toFace = keepLast((width: number, height: number) =>
    lanczosTables(width, height, FACE_SIDE),
  )
  const fromFace = keepLast((width: number, height: number) =>
    bilinearTables(FACE_SIDE, width, height),
  )
  const toHead = keepLast((side: number) => headResize(kernels, side))
  const fromHead = keepLast((side: number) =>
    pillowTables([HEAD_SIDE, HEAD_SIDE], [side, side], 'bicubic'),
  )
  // a rule that came from another thread is a new object every time, so its numbers are compared
  const byRule = keepLast((width: number, height: number, ...[from, to, sides, bottom]: number[]) =>
    withoutEmptyRows(
      ruleMask({ top: [from!, to!], sides: sides!, bottom: bottom! }, width, height),
    ),
  )

  return {
    extractRgb(frame, layout, box, out) {
      memory.reset()
      const patch = copyIn(memory, frame, layout, box)
      memory.read(patchToRgb(kernels, patch, layout.color, box), out)
    },
    cropFace(frame, layout, box, out) {
      memory.reset()
      const tables = toFace(...sizeOf(clipBox(box, layout)))
      if (!out.head) return memory.read(cropFace(kernels, frame, layout, box, tables), out.face)
      const forHead = toHead(sizeOf(cropBox(box))[0])
      const { face, head } = cropFaceAndHead(kernels, frame, layout, box, tables, forHead)
      memory.read(face, out.face)
      memory.read(head, out.head)
    },
    packMask(classes, mode) {
      memory.reset()
      const at = maskOfClasses(kernels, memory.put(classes), mode)
      return memory.bytes.slice(at, at + MASK_BYTES)
    },
    pasteFace(frame, layout, { face, box, mask, weight, matchTone = false }) {
      memory.reset()
      const { shown, raster } = 'bits' in mask ? parsed(mask.bits, box) : ruled(mask.rule, box)
      const area = clipBox(shown, layout)
      if (area[0] === area[2] || area[1] === area[3]) return
      if (weight < 1) fade(raster, weight)
      const side = FACE_SIDE
      const toned = matchTone ? withTone(face, toneOf(frame, layout, box)) : face
      pasteFace(kernels, frame, layout, {
        face: { at: memory.put(toned), width: side, height: side, channels: 3, stride: 3 * side },
        ...{ box, area, tables: fromFace(...sizeOf(box)) },
        mask: window(raster, translate(area, shown)),
      })
    },
  }

  function parsed(bits: Uint8Array, box: Box) {
    const tables = fromHead(sizeOf(cropBox(box))[0])
    return { shown: shownArea(box), raster: faceMask(kernels, memory.put(bits), box, tables) }
  }

  function ruled(rule: MaskRule, box: Box) {
    const { data, width, height, top } = byRule(
      ...sizeOf(box),
      ...rule.top,
      rule.sides,
      rule.bottom,
    )
    const raster = { at: memory.put(data), width, height, channels: 1, stride: width }
    return { shown: [box[0], box[1] + top, box[2], box[1] + top + height] as const, raster }
  }

  function fade({ at, height, stride }: Raster, weight: number) {
    const table = Uint8Array.from({ length: 256 }, (_, value) => Math.round(value * weight))
    kernels.run.lookUp(at, height * stride, memory.put(table))
  }
}

const sizeOf = ([x1, y1, x2, y2]: Box): [number, number] => [x2 - x1, y2 - y1]

const translate = ([x1, y1, x2, y2]: Box, [dx, dy]: Box): Box => [
  x1 - dx,
  y1 - dy,
  x2 - dx,
  y2 - dy,
]

function withoutEmptyRows({ data, width, height }: Image) {
  const shown = (y: number) => data.subarray(y * width, (y + 1) * width).some((value) => value > 0)
  let [top, bottom] = [0, height]
  while (top < bottom && !shown(top)) top++
  while (top < bottom && !shown(bottom - 1)) bottom--
  return { data: data.subarray(top * width, bottom * width), width, height: bottom - top, top }
}

/** A function that remembers its last result. */
function keepLast<A extends readonly unknown[], R>(make: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | undefined
  return (...args) => {
    if (!last?.args.every((value, i) => value === args[i])) last = { args, result: make(...args) }
    return last.result
  }
}
