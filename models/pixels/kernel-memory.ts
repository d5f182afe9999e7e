import { bufferOver } from '../system/buffer-over.ts'
import type { Box } from './image.ts'

/** A picture in the kernels' memory: as `Image`, but its samples start at an address. */
export interface Raster {
  readonly at: number
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly stride: number
}

/** WebAssembly's memory; growing leaves its old buffer empty. */
export interface GrowingMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

const PAGE = 1 << 16
/** Kernels work on 16 samples at a time and may touch what follows a picture. */
const SLACK = 64

/**
 * The memory that kernels work in: pictures are taken one after the other and all given back at once.
 * What is taken holds whatever was there before.
 */
export class KernelMemory {
  readonly #memory: GrowingMemory
  #top = 0

  constructor(memory: GrowingMemory) {
    this.#memory = memory
  }

  /** Give everything back. */
  reset(): void {
    this.#top = 0
  }

  /** All of it; ask anew after anything was taken. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer)
  }

  /** @returns an address that is a multiple of 16 */
  take(bytes: number): number {
    const at = this.#top
    this.#top = (at + bytes + SLACK + 15) & ~15
    const missing = this.#top + PAGE - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE))
    return at
  }

  /** @param stride bytes from row to row; rows without gaps where unset */
  takeRaster(width: number, height: number, channels: number, stride = width * channels): Raster {
    return { at: this.take(height * stride), width, height, channels, stride }
  }

  /** A copy of a table or of samples. */
  put({ buffer, byteOffset, byteLength }: ArrayBufferView): number {
    const at = this.take(byteLength)
    bufferOver({ buffer, byteOffset, byteLength }).copy(this.bytes, at)
    return at
  }

  /**
   * Copy the samples of a raster to `out`, rows without gaps.
   * @throws RangeError where it is smaller
   */
  read({ at, width, height, channels, stride }: Raster, out: Uint8Array): void {
    const length = width * channels
    if (out.length < height * length) {
      throw new RangeError(`${height * length} bytes do not fit into ${out.length}`)
    }
    const bytes = bufferOver(this.bytes)
    if (stride === length) return void bytes.copy(out, 0, at, at + height * length)
    for (let y = 0; y < height; y++) {
      bytes.copy(out, y * length, at + y * stride, at + y * stride + length)
    }
  }

  /** Copy a raster to another one of its size. */
  copy(from: Raster, to: Raster): void {
    const { bytes } = this
    const length = from.width * from.channels
    for (let y = 0; y < from.height; y++) {
      const start = from.at + y * from.stride
      bytes.copyWithin(to.at + y * to.stride, start, start + length)
    }
  }
}

/** The part of a raster inside a box; shares its memory. */
export function window(raster: Raster, [x1, y1, x2, y2]: Box): Raster {
  const { stride, channels } = raster
  const at = raster.at + y1 * stride + x1 * channels
  return { at, width: x2 - x1, height: y2 - y1, channels, stride }
}
