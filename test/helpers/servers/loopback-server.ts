import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Seen {
  method: string
  path: string
  headers: IncomingMessage['headers']
}

export interface WebServer extends AsyncDisposable {
  /** http://127.0.0.1:PORT */
  origin: string
  port: number
  /** Every request so far. */
  seen: Seen[]
  /** Connections that were accepted so far. */
  connections(): number
  url(path: string): string
}

export type Answering = (
  request: IncomingMessage,
  response: ServerResponse,
  /** How many requests for this path came before. */
  before: number,
) => void | Promise<void>

/** An HTTP server on a loopback port of the system's choice, gone at the end of the block. */
export async function webServer(answer: Answering, host = '127.0.0.1'): Promise<WebServer> {
  const seen: Seen[] = []
  let connections = 0
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request
    const before = seen.filter((one) => one.path === path).length
    seen.push({ method, path, headers })
    response.on('error', () => {})
    void Promise.resolve(answer(request, response, before)).catch((error: unknown) =>
      response.destroy(error as Error),
    )
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const origin = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    origin,
    port,
    seen,
    connections: () => connections,
    url: (path) => `${origin}${path.startsWith('/') ? path : `/${path}`}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
