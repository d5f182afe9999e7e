import { Cluster, Redis } from 'ioredis'

/** Where Redis is, as the environment says it. */
export interface RedisTarget {
  /** `redis://` or `rediss://` with user and password; several: the nodes of a cluster, or sentinels. */
  urls: readonly string[]
  /** What the sentinels call the primary; the URLs are theirs then. */
  sentinelName?: string
}

const MAX_PAUSE_MS = 5_000
const CONNECT_MS = 10_000

/**
 * Connect, and connect again for ever. A command fails as soon as one connection could not be made: who
 * sends it repeats it, and is not held up by a server that is away when the worker wants to stop.
 */
export function openRedis({ urls, sentinelName }: RedisTarget): Redis | Cluster {
  const nodes = urls.map(readUrl)
  const options = {
    ...nodes[0]!.login,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: pauseMs,
    // A primary that has become a replica goes on talking.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
  }
  const addresses = nodes.map(({ host, port }) => ({ host, port }))
  if (sentinelName !== undefined) {
    const { tls } = options
    const secure = tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }
    return new Redis({ ...options, ...secure, sentinels: addresses, name: sentinelName })
  }
  if (addresses.length === 1) return new Redis({ ...options, ...addresses[0]! })
  return new Cluster(addresses, { redisOptions: options, clusterRetryStrategy: pauseMs })
}

const pauseMs = (times: number): number => Math.min(200 * times, MAX_PAUSE_MS)

function readUrl(text: string) {
  const { protocol, hostname, port, username, password, pathname } = new URL(text)
  const db = Number(pathname.slice(1))
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || 6379,
    login: {
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(db > 0 && { db }),
      ...(protocol === 'rediss:' && { tls: { servername: hostname } }),
    },
  }
}
