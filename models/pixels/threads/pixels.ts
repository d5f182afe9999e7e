import { availableParallelism } from 'node:os'
import { asPixelError } from '../errors.ts'
import { HEAD_SIDE } from '../crop-face.ts'
import type { FrameLayout } from '../frame-patch.ts'
import type { Box } from '../image.ts'
import type { MaskMode } from '../parsing-mask.ts'
import { createPixelOperations, type Paste, type PixelOperations } from '../pixel-operations.ts'
import { warmUpCalls } from './warm-up.ts'
import {
  callOperation,
  startPixelThread,
  type PixelCall,
  type PixelThread,
} from './pixel-thread.ts'

/**
 * Pixel work, any number of calls at once; see `PixelOperations` for what they do. Frames and outputs
 * over a SharedArrayBuffer are worked on by threads, where they are; others by the thread that calls,
 * before the call returns. What belongs to one batch goes to one thread, in one message.
 *
 * All methods throw PixelError.
 */
export interface Pixels extends AsyncDisposable {
  extractRgb(frame: Uint8Array, layout: FrameLayout, box: Box, out: Uint8Array): Promise<void>
  cropFaces(layout: FrameLayout, crops: readonly FaceCrop[]): Promise<void>
  /**
   * @param classes of a batch of heads, each 512x512; its memory is given away where it is not shared
   * @param count of the masks that are wanted, from the first head on
   */
  packMasks(classes: Uint8Array, count: number, mode: MaskMode): Promise<Uint8Array[]>
  /** The memory of the faces is given away where it is not shared; they may be parts of one batch. */
  pasteFaces(layout: FrameLayout, pastes: readonly FramePaste[]): Promise<void>
  /** Start all threads, and have compiled what they run; else the first frames wait for it. */
  warmUp(): Promise<void>
}

/** A face to be cut out of a frame; see `PixelOperations.cropFace`. */
export interface FaceCrop {
  frame: Uint8Array
  box: Box
  face: Uint8Array
  head?: Uint8Array
}

/** A face that is laid over a frame. */
export interface FramePaste extends Paste {
  frame: Uint8Array
}

const HEAD_PIXELS = HEAD_SIDE * HEAD_SIDE

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

  /** @param given memory that goes to the thread, if one does it */
  async function run(
    shared: boolean,
    layout: FrameLayout | undefined,
    calls: readonly PixelCall[],
    given: readonly Uint8Array[] = [],
  ): Promise<unknown[]> {
    const large = !layout || layout.width * layout.height >= LEAST_PIXELS
    if (threads > 0 && shared && large) {
      const buffers = new Set(
        given.filter((bytes) => !areShared(bytes)).map(({ buffer }) => buffer),
      )
      return freest().run(calls, [...buffers] as ArrayBuffer[])
    }
    own ??= createPixelOperations()
    const operations = own
    try {
      return calls.map((call) => callOperation(operations, call))
    } catch (thrown) {
      throw asPixelError(thrown)
    }
  }

  return {
    async extractRgb(...args) {
      const [frame, layout, , out] = args
      await run(areShared(frame, out), layout, [{ operation: 'extractRgb', args }])
    },
    async cropFaces(layout, crops) {
      const shared = crops.every(({ frame, face, head = face }) => areShared(frame, face, head))
      const calls = crops.map(({ frame, box, ...out }) => {
        return { operation: 'cropFace', args: [frame, layout, box, out] } as const
      })
      await run(shared, layout, calls)
    },
    async packMasks(classes, count, mode) {
      const calls = Array.from({ length: count }, (_, i) => {
        const head = classes.subarray(i * HEAD_PIXELS, (i + 1) * HEAD_PIXELS)
        return { operation: 'packMask', args: [head, mode] } as const
      })
      return (await run(true, undefined, calls, [classes])) as Uint8Array[]
    },
    async pasteFaces(layout, pastes) {
      const shared = pastes.every(({ frame }) => areShared(frame))
      const calls = pastes.map(({ frame, mask, ...paste }) => {
        const alone = 'bits' in mask ? { bits: withoutNeighbors(mask.bits) } : mask
        return { operation: 'pasteFace', args: [frame, layout, { ...paste, mask: alone }] } as const
      })
      await run(
        shared,
        layout,
        calls,
        pastes.map(({ face }) => face),
      )
    },
    async warmUp() {
      while (lanes.length < threads) lanes.push(start())
      const calls = warmUpCalls()
      await Promise.all(lanes.map((lane) => lane.run(calls)))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(lanes.splice(0).map((lane) => lane.stop()))
    },
  }
}

const areShared = (...all: Uint8Array[]) =>
  all.every(({ buffer }) => buffer instanceof SharedArrayBuffer)

/** A message takes all of a buffer along, however small the part, unless it is shared. */
const withoutNeighbors = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength || areShared(bytes) ? bytes : bytes.slice()
