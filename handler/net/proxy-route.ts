import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { ProxyAgent, type Dispatcher } from 'undici'
import { ipLiteralOf } from './ip-guard.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'
import type { Timeouts } from './timeouts.ts'

/** By whom a URL is asked for, and how. */
export interface Route {
  url: URL
  headers?: Record<string, string>
  dispatcher: Dispatcher
}

export interface RouterOptions {
  proxy?: ProxySettings | undefined
  /** Whether a proxy may look names up itself. */
  trustsProxy?: boolean
  /** Refuses what is out of bounds. */
  lookup: LookupFunction
  direct: Dispatcher
  limits: { headersTimeout: number; bodyTimeout: number }
  timeouts: Pick<Timeouts, 'connectMs'>
}

/**
 * How to get to a URL. Unless it is trusted, a proxy is asked for the address that was checked here, and
 * for a tunnel to it: what a name is to the proxy may be another host, one inside. So names have to be
 * known here too.
 *
 * @throws what the lookup answers; the signal's reason
 */
export function createRouter(options: RouterOptions) {
  const { proxy, trustsProxy = false, lookup, direct, limits, timeouts } = options
  const agents = new Map<string, ProxyAgent>()
  const createAgent = (uri: string) =>
    new ProxyAgent({
      ...{ ...limits, uri, proxyTunnel: !trustsProxy, connectTimeout: timeouts.connectMs },
    })

  return async (url: URL, signal: AbortSignal): Promise<Route> => {
    const uri = proxyFor(url, proxy)
    if (uri === undefined) return { url, dispatcher: direct }
    const dispatcher = agents.get(uri) ?? createAgent(uri)
    agents.set(uri, dispatcher)
    if (trustsProxy || ipLiteralOf(url) !== undefined) return { url, dispatcher }
    const pinned = new URL(url)
    const address = await checkedAddress(url.hostname, lookup, signal)
    pinned.hostname = address.includes(':') ? `[${address}]` : address
    return { url: pinned, headers: { host: url.host }, dispatcher }
  }
}

/** The address by which a proxy is asked for a host; of both families the one that all can reach. */
async function checkedAddress(
  host: string,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const stop = () => reject(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  lookup(host, { all: true }, (error, found) => {
    if (error) return reject(error)
    const all = found as LookupAddress[]
    resolve((all.find(({ family }) => family === 4) ?? all[0]!).address)
  })
  return promise.finally(() => signal.removeEventListener('abort', stop))
}
