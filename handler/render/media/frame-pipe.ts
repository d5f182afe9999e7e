import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type OnReadOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bufferOver } from '../../../models/system/buffer-over.ts'
import type { BufferPool } from '../buffer-pool.ts'

/**
 * A pipe that frames come through, read into the memory that they stay in. A stream would bring them in
 * buffers of its own, 64 KB each, to be allocated, copied and collected: more work than the reading.
 */
export interface FramePipe extends Disposable {
  /** What a child gets as its standard output; to be closed here once the child has it. */
  readonly inlet: Socket
  readonly bytesRead: number
  /** Frames that nobody has asked for yet. */
  readonly readableLength: number
  /**
   * The next frame, whose memory is the caller's to give back; one more is read meanwhile.
   * @returns undefined where the bytes have ended, or end within a frame
   */
  read(): Promise<Uint8Array | undefined>
}

/**
 * @param bytes of a frame
 * @param buffers where the memory comes from; what is left of it is given back at the end
 */
export async function openFramePipe(bytes: number, buffers: BufferPool): Promise<FramePipe> {
  let filling = buffers.take(bytes)
  let filled = 0
  let complete: Uint8Array | undefined
  let ended = false
  let wake = () => {}
  const onread = {
    buffer: () => bufferOver(filling).subarray(filled),
    callback(count: number): boolean {
      filled += count
      if (filled < bytes) return true
      complete = filling
      filling = buffers.take(bytes)
      filled = 0
      wake()
      return false // paused; the next bytes would already be the next frame's
    },
  }
  const [inlet, outlet] = await connectedSockets(onread)
  outlet.on('error', () => {}) // the writer's exit status tells the story
  outlet.once('close', () => {
    ended = true
    wake()
  })

  return {
    inlet,
    get bytesRead() {
      return outlet.bytesRead
    },
    get readableLength() {
      return complete ? 1 : 0
    },
    async read() {
      if (!complete && !ended) await new Promise<void>((resolve) => (wake = resolve))
      const frame = complete
      complete = undefined
      outlet.resume()
      return frame
    },
    [Symbol.dispose]() {
      inlet.destroy()
      outlet.destroy()
      buffers.give(filling)
      if (complete) buffers.give(complete)
    },
  }
}

/** Two ends of one connection, as Node's own pipes are. */
async function connectedSockets(onread: OnReadOpts): Promise<[inlet: Socket, outlet: Socket]> {
  const path = socketAddress()
  const server = createServer({ pauseOnConnect: true })
  try {
    await once(server.listen(path), 'listening')
    const accepted = once(server, 'connection')
    const outlet = connect({ path, onread })
    const [[inlet]] = await Promise.all([accepted, once(outlet, 'connect')])
    return [inlet as Socket, outlet]
  } finally {
    server.close()
  }
}

/** On Linux a name without a file, which nobody can guess and nothing leaves behind. */
const socketAddress = () =>
  process.platform === 'linux' ? `\0${randomUUID()}` : join(tmpdir(), randomUUID())
