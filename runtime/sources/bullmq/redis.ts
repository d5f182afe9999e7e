import { isIP } from 'node:net'
import { Cluster, Redis, type ClusterOptions } from 'ioredis'

/** Where Redis is, as the environment says it. */
export interface RedisTarget {
  /** `redis://` or `rediss://` with user and password; several: the nodes of a cluster, or sentinels. */
  urls: readonly string[]
  /** What the sentinels call the primary, and their own password; the URLs are theirs then. */
  sentinel?: { name: string; password?: string }
}

const MAX_PAUSE_MS = 5_000
const CONNECT_MS = 10_000

/**
 * Connect, and connect again for ever. A command fails as soon as one connection could not be made: who
 * sends it repeats it, and is not held up by a server that is away when the worker wants to stop.
 */
export function openRedis(target: RedisTarget): Redis | Cluster {
  const told = redisOptions(target)
  return 'cluster' in told ? new Cluster(...told.cluster) : new Redis(told.server)
}

/** What ioredis is told. */
export function redisOptions({ urls, sentinel }: RedisTarget) {
  const read = urls.map(readUrl)
  const addresses = read.map(({ address }) => address)
  const { tls, ...login } = read[0]!.login
  const options = {
    ...login,
    // Of several servers each shows the certificate of its own name.
    ...(tls && { tls: addresses.length > 1 || sentinel ? {} : tls }),
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: pauseMs,
    // A primary that has become a replica goes on talking.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
  }
  if (sentinel) {
    const { name, password } = sentinel
    const own = {
      ...(password !== undefined && { sentinelPassword: password }),
      ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    }
    return { server: { ...options, sentinels: addresses, name, ...own } }
  }
  if (addresses.length === 1) return { server: { ...options, ...addresses[0]! } }
  const ofCluster = {
    redisOptions: options,
    clusterRetryStrategy: pauseMs,
    // By their names, which certificates have, and not by the addresses behind them.
    ...(tls && { dnsLookup: keepName }),
  }
  return { cluster: [addresses, ofCluster] as const }
}

const keepName: NonNullable<ClusterOptions['dnsLookup']> = (name, found) => found(null, name)

const pauseMs = (times: number): number => Math.min(200 * times, MAX_PAUSE_MS)

function readUrl(text: string) {
  const { protocol, hostname, port, username, password, pathname } = new URL(text)
  const db = Number(pathname.slice(1))
  const host = hostname.replace(/^\[|\]$/g, '')
  // An address is no name that a server could choose its certificate by.
  const tls = isIP(host) > 0 ? {} : { servername: host }
  return {
    address: { host, port: Number(port) || 6379 },
    login: {
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(db > 0 && { db }),
      ...(protocol === 'rediss:' && { tls }),
    },
  }
}
