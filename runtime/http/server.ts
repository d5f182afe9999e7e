import { once } from 'node:events'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { isErrno } from '../../handler/errors.ts'
import type { Log } from '../../handler/log.ts'
import { endStalledClients } from './stalled-clients.ts'

export interface Listener extends AsyncDisposable {
  port: number
  host: string
}

/** What a client may take for its request, so that slow ones hold no connection for long. */
const SERVER_TIMEOUTS = {
  headersTimeout: 20_000,
  requestTimeout: 3_600_000, // of uploads; JSON bodies are given up after a minute
  // Longer than any load balancer keeps a connection that it may send the next job on: nginx and AWS
  // 60 s, Google 600 s. One that was closed in that moment would cost the job a 502.
  keepAliveTimeout: 620_000,
  connectionsCheckingInterval: 5_000,
}
const CLOSE_TIMEOUT_MS = 1_000

/**
 * Listen on a port: on `host`, or on every address of both families, or of IPv4 alone where the
 * machine has no IPv6. Disposing lets answers that are underway end, for a moment.
 *
 * @param port 0 for any free one
 * @throws the error of listen(2)
 */
export async function startServer(app: Hono, port: number, host?: string): Promise<Listener> {
  if (host !== undefined) return bind(app, port, host)
  try {
    return await bind(app, port, '::')
  } catch (error) {
    if (!isErrno(error, 'EAFNOSUPPORT') && !isErrno(error, 'EADDRNOTAVAIL')) throw error
    return bind(app, port, '0.0.0.0')
  }
}

/** The same where the server is an extra: without a port there is none, and a taken one is only told. */
export async function tryStartServer(
  app: Hono,
  port: number | undefined,
  host: string | undefined,
  log: Log,
): Promise<Listener | undefined> {
  if (port === undefined) return undefined
  return startServer(app, port, host).catch((error: Error) => {
    log.warn('worker.not_listening', { port, reason: error.message })
    return undefined
  })
}

async function bind(app: Hono, port: number, host: string): Promise<Listener> {
  // Node's own Request and Response stay as they are for the rest of the process.
  const options = { fetch: app.fetch, overrideGlobalObjects: false, serverOptions: SERVER_TIMEOUTS }
  const server = createAdaptorServer(options) as Server
  const unwatch = endStalledClients(server)
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    host,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const forceClose = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS)
      await closed
      clearTimeout(forceClose)
      unwatch()
    },
  }
}
