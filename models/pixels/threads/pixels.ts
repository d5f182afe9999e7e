import { availableParallelism } from 'node:os'
import { asPixelError } from '../errors.ts'
import type { FrameLayout } from '../frame-patch.ts'
import type { Box } from '../image.ts'
import type { MaskMode } from '../parsing-mask.ts'
import { createPixelOperations, type Paste, type PixelOperations } from '../pixel-operations.ts'
import {
  callOperation,
  startPixelThread,
  type PixelCall,
  type PixelThread,
} from './pixel-thread.ts'

/**
 * Pixel work, any number of calls at once; see `PixelOperations` for what they do. Frames and outputs
 * over a SharedArrayBuffer are worked on by threads, where they are; others by the thread that calls,
 * before the call returns.
 *
 * All methods throw PixelError.
 */
export interface Pixels extends AsyncDisposable {
  extractRgb(frame: Uint8Array, layout: FrameLayout, box: Box, out: Uint8Array): Promise<void>
  cropFace(
    frame: Uint8Array,
    layout: FrameLayout,
    box: Box,
    out: { face: Uint8Array; head?: Uint8Array },
  ): Promise<void>
  packMask(classes: Uint8Array, mode: MaskMode): Promise<Uint8Array>
  pasteFace(frame: Uint8Array, layout: FrameLayout, paste: Paste): Promise<void>
}

/** More would not be busy: one thread does some 150 frames/s of 720p. */
const MOST_THREADS = 4
/** Below it a message costs as much as the work. */
const LEAST_PIXELS = 320 * 240

/**
 * Pixel work on threads, which start when they are first needed and do not keep the process alive.
 *
 * @param threads one less than there are cores where unset; 0: all work is done where it is called
 * @param start a test brings its own threads
 */
export function openPixels(
  threads = Math.min(MOST_THREADS, availableParallelism() - 1),
  start: () => PixelThread = startPixelThread,
): Pixels {
  const lanes: PixelThread[] = []
  let own: PixelOperations | undefined

  /** The thread with least to do; one that died is replaced. */
  function freest(): PixelThread {
    for (const [i, lane] of lanes.entries()) if (lane.dead()) lanes[i] = start()
    const idle = lanes.find((lane) => lane.waiting() === 0)
    if (idle) return idle
    if (lanes.length < threads) lanes.push(start())
    return lanes.reduce((a, b) => (b.waiting() < a.waiting() ? b : a))
  }

  async function run(
    shared: boolean,
    layout: FrameLayout | undefined,
    make: (part: (bytes: Uint8Array) => Uint8Array) => PixelCall,
  ) {
    const large = !layout || layout.width * layout.height >= LEAST_PIXELS
    if (threads > 0 && shared && large) {
      const owned: ArrayBuffer[] = []
      const call = make((bytes) => withoutNeighbors(bytes, owned))
      return freest().call(call, owned)
    }
    own ??= createPixelOperations()
    try {
      return callOperation(
        own,
        make((bytes) => bytes),
      )
    } catch (thrown) {
      throw asPixelError(thrown)
    }
  }

  return {
    async extractRgb(...args) {
      const [frame, layout, , out] = args
      await run(areShared(frame, out), layout, () => ({ operation: 'extractRgb', args }))
    },
    async cropFace(...args) {
      const [frame, layout, , { face, head = face }] = args
      await run(areShared(frame, face, head), layout, () => ({ operation: 'cropFace', args }))
    },
    async packMask(classes, mode) {
      const value = await run(true, undefined, (part) => ({
        operation: 'packMask',
        args: [part(classes), mode],
      }))
      return value as Uint8Array
    },
    async pasteFace(frame, layout, { face, mask, ...place }) {
      await run(areShared(frame), layout, (part) => {
        const bits = 'bits' in mask ? { bits: part(mask.bits) } : mask
        const paste = { face: part(face), mask: bits, ...place }
        return { operation: 'pasteFace', args: [frame, layout, paste] }
      })
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(lanes.splice(0).map((lane) => lane.stop()))
    },
  }
}

const areShared = (...all: Uint8Array[]) =>
  all.every(({ buffer }) => buffer instanceof SharedArrayBuffer)

/**
 * A message takes all of a buffer along, however small the part, unless it is shared. So a part is
 * copied, and the copy handed over.
 */
function withoutNeighbors(bytes: Uint8Array, owned: ArrayBuffer[]): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength || areShared(bytes)) return bytes
  const alone = bytes.slice()
  owned.push(alone.buffer)
  return alone
}
