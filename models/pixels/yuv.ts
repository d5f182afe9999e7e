import { type Image, image } from './image.ts'

/** A planar 8-bit 4:2:0 frame; the planes may lie in one buffer. */
export interface Yuv {
  readonly y: Image
  /** Chroma planes have half the size, rounded up. */
  readonly u: Image
  readonly v: Image
}

/** Bytes of a yuv420p frame. */
export function yuvBytes(width: number, height: number): number {
  return width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1)
}

/** The planes of a frame as ffmpeg's rawvideo yuv420p lays them out: Y, U, V without gaps. */
export function yuvFrame(data: Uint8Array, width: number, height: number): Yuv {
  const w = (width + 1) >> 1
  const h = (height + 1) >> 1
  const chroma = width * height
  return {
    y: image(width, height, 1, data),
    u: image(w, h, 1, data.subarray(chroma)),
    v: image(w, h, 1, data.subarray(chroma + w * h)),
  }
}
