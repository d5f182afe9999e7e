/** The routes of RunPod's platform that a worker calls; `other` is everything that is none of them. */
export type Channel = 'take' | 'stop' | 'done' | 'stream' | 'ping' | 'other'

/** One request that a worker made, as it came. */
export interface Exchange {
  channel: Channel
  method: string
  path: string
  /** `name=value` in the order and the spelling in which they came. */
  query: string[]
  /** Those that the protocol speaks of. */
  headers: Record<string, string>
  body: string
  /** Of a clock that never jumps, milliseconds. */
  at: number
  /** Of the answer; 0 where the connection was cut. Undefined while the request is held. */
  status?: number
  /** When it was answered, cut, or given up by the worker. */
  endedAt?: number
}

const HEADERS = ['authorization', 'content-type', 'charset', 'user-agent', 'x-request-id']

/** Everything that was asked, in order, and a way to wait for more. */
export class Recorder {
  readonly exchanges: Exchange[] = []
  readonly #watchers = new Set<() => void>()

  /** Note a request whose body was read. @param url path and query as they came */
  begin(channel: Channel, method: string, url: string, headers: Headers, body: string): Exchange {
    const [path = '', query = ''] = url.split(/\?(.*)/s)
    const exchange: Exchange = {
      ...{ channel, method, path, query: query ? query.split('&') : [] },
      headers: Object.fromEntries(
        HEADERS.flatMap((name) => (headers.has(name) ? [[name, headers.get(name)!]] : [])),
      ),
      ...{ body, at: performance.now() },
    }
    this.exchanges.push(exchange)
    this.#wake()
    return exchange
  }

  end(exchange: Exchange, status: number): void {
    if (exchange.endedAt !== undefined) return
    exchange.status = status
    exchange.endedAt = performance.now()
    this.#wake()
  }

  of(channel: Channel): Exchange[] {
    return this.exchanges.filter((exchange) => exchange.channel === channel)
  }

  /** Resolves when `holds()` does; it is asked again at every request and every answer. */
  async until(holds: () => boolean, what = 'what was waited for', limitMs = 60_000): Promise<void> {
    if (holds()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = () => holds() && resolve()
    const last = () =>
      this.exchanges
        .slice(-15)
        .map(({ method, path, query, status }) => `${method} ${path}?${query.join('&')} ${status}`)
        .join('\n')
    const late = setTimeout(
      () => reject(new Error(`${what} did not come in time: \n${last()}`)),
      limitMs,
    )
    this.#watchers.add(look)
    await promise.finally(() => {
      clearTimeout(late)
      this.#watchers.delete(look)
    })
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}
