import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { endStalledClients } from '../../../runtime/http/stalled-clients.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const LOOKS = 12

let server: Server
const open: { destroy(): unknown }[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const one of open.splice(0)) one.destroy()
  await new Promise((resolve) => server.close(resolve))
})

/** A server under watch, and what comes of a client's request. The looks are made by the test. */
async function ask(answer: (response: ServerResponse) => void) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  server = createServer((_, response) => answer(response))
  open.push({ destroy: endStalledClients(server, 1000) })
  const accepted = once(server, 'connection')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  open.push(client)
  client.on('error', () => {})
  const asked = once(server, 'request')
  client.write(REQUEST)
  const [socket] = (await accepted) as [Socket]
  await asked
  return { client, socket, look: (times: number) => vi.advanceTimersByTime(times * 1000) }
}
const large = (response: ServerResponse) => response.end(Buffer.alloc(64 << 20))

test('a client that reads nothing is ended', async () => {
  const { socket, look } = await ask(large)
  look(1)
  const closed = once(socket, 'close')
  look(LOOKS)
  await closed
})

test('one that reads, however slowly, stays', async () => {
  const { client, socket, look } = await ask((response) => {
    Readable.from(Array.from({ length: 1000 }, () => Buffer.alloc(64 << 10))).pipe(response)
  })
  client.pause()
  for (let round = 0; round < 3; round++) {
    look(LOOKS - 1)
    const taken = () => socket.bytesWritten - socket.writableLength
    const before = taken()
    client.resume()
    while (taken() === before) await once(client, 'data')
    client.pause()
  }
  expect(socket.destroyed).toBe(false)
})

test('one that waits for its answer stays', async () => {
  const { socket, look } = await ask(() => {})
  look(10 * LOOKS)
  expect(socket.destroyed).toBe(false)
})
