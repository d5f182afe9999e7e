import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A line to a server of this machine that can be cut. */
export interface Relay extends AsyncDisposable {
  port: number
  /** Every connection breaks. */
  drop(): void
  /** The same, and new ones are refused until it is mended. */
  cut(): void
  mend(): void
}

export async function tcpRelay(to: number): Promise<Relay> {
  const open = new Set<Socket>()
  let whole = true
  const server = createServer((near) => {
    if (!whole) return void near.resetAndDestroy()
    const far = connect(to, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const breakAll = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    drop: breakAll,
    cut() {
      whole = false
      breakAll()
    },
    mend: () => void (whole = true),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      breakAll()
      await closed
    },
  }
}
