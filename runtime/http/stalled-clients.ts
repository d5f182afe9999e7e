import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_MS = 5_000
/** Looks in a row at which a client had taken nothing of what waits for it: a minute. */
const STALLED_LOOKS = 12

/**
 * Ends the connections of clients that ask and never read the answer: each holds a socket, and often a
 * file. One that reads slowly stays, as does one that waits for an answer.
 *
 * @returns ends the watch
 */
export function endStalledClients(server: Server, lookMs = LOOK_MS): () => void {
  const watched = new Map<Socket, { taken: number; looks: number }>()
  server.on('connection', (socket: Socket) => {
    watched.set(socket, { taken: 0, looks: 0 })
    socket.once('close', () => watched.delete(socket))
  })
  const timer = setInterval(() => {
    for (const [socket, state] of watched) {
      const waiting = socket.writableLength
      const taken = socket.bytesWritten - waiting
      state.looks = waiting === 0 || taken !== state.taken ? 0 : state.looks + 1
      state.taken = taken
      if (state.looks >= STALLED_LOOKS) socket.destroy()
    }
  }, lookMs)
  timer.unref()
  return () => clearInterval(timer)
}
