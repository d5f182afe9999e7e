import { readBody } from '../../../handler/net/read-body.ts'
import { parseRetryAfter } from '../../../handler/net/retry.ts'
import {
  createTrustedFetch,
  type HttpResponse,
  type GuardedFetch,
} from '../../../handler/net/guarded-fetch.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'
import type { ProxySettings } from '../../../handler/net/proxy.ts'
import { DEFAULT_TIMEOUTS } from '../../../handler/net/timeouts.ts'
import { detectSuspend } from './suspend-detector.ts'

export interface Reply {
  status: number
  /** Content type. */
  type: string
  text: string
  /** What a Retry-After asked for. */
  afterMs: number | undefined
}

/** A request that was underway when the process was stopped. */
export class SuspendedError extends NetworkError {}

/** The platform's HTTP, one try at a time. */
export interface Client extends Disposable {
  /**
   * A GET that the server holds until it has something to say.
   * @param signal ends the waiting; an answer that has begun is read all the same
   * @returns undefined when nothing was said in the time of a poll
   * @throws NetworkError; the signal's reason
   */
  poll(url: string, signal: AbortSignal): Promise<Reply | undefined>
  /** @throws NetworkError; the signal's reason */
  post(url: string, jobId: string, body: string, ms: number, signal: AbortSignal): Promise<Reply>
  /** One GET whose answer does not matter; never throws. */
  ping(url: string, ms: number): Promise<void>
  /** What a request carries that is sent by other means. */
  readonly headers: Record<string, string>
}

export interface ClientOptions {
  /** Sent as it is, without a scheme; the platform's testers give none. */
  key: string | undefined
  agent: string
  proxy?: ProxySettings | undefined
  /** What a poll may take; default 90 s. */
  pollMs?: number
  /** A process that was stopped for so long has dead connections; default 30 s. */
  frozenMs?: number
}

const BODY_MS = 60_000
const MAX_ANSWER = 256 * 2 ** 20 // a batch of the largest inputs
const MAX_REDIRECTS = 3

export function openClient(options: ClientOptions): Client {
  const { key, agent, pollMs = 90_000, frozenMs = 30_000 } = options
  const headers = { 'user-agent': agent, ...(key !== undefined && { authorization: key }) }
  let fetch = createFetch()
  let frozen = new AbortController()
  // Nothing says that a connection is dead, so those of before are not used again.
  const watch = detectSuspend(frozenMs, () => {
    const old = frozen
    fetch = createFetch()
    frozen = new AbortController()
    old.abort(new SuspendedError('was not heard: this process had been stopped for a while'))
  })

  /** The operator's platform may be anywhere, and holds a poll for longer than others an answer. */
  function createFetch(): GuardedFetch {
    const timeouts = { ...DEFAULT_TIMEOUTS, headersMs: pollMs + BODY_MS }
    return createTrustedFetch(options.proxy, timeouts)
  }

  return {
    headers,
    async poll(url, outer) {
      outer.throwIfAborted()
      const inner = new AbortController()
      const late = new Error('the poll is over')
      const stop = () => inner.abort(outer.reason)
      outer.addEventListener('abort', stop, { once: true })
      let timer = setTimeout(() => inner.abort(late), pollMs)
      const signal = AbortSignal.any([inner.signal, frozen.signal])
      try {
        const answer = await fetch(url, { headers, signal, redirects: MAX_REDIRECTS })
        // From here on the answer may hold jobs that are ours.
        outer.removeEventListener('abort', stop)
        clearTimeout(timer)
        timer = setTimeout(() => inner.abort(new NetworkError('stopped sending')), BODY_MS)
        return await read(answer)
      } catch (error) {
        if (error === late) return undefined
        throw error
      } finally {
        clearTimeout(timer)
        outer.removeEventListener('abort', stop)
      }
    },
    async post(url, jobId, body, ms, outer) {
      const late = AbortSignal.timeout(ms)
      const signal = AbortSignal.any([outer, late, frozen.signal])
      const own = {
        // JSON, whatever the type says: it is what the platform has always been sent.
        'content-type': 'application/x-www-form-urlencoded',
        charset: 'utf-8',
        'x-request-id': jobId,
      }
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { ...headers, ...own },
          body,
          signal,
        })
        await answer.discard()
        return replyOf(answer, '')
      } catch (error) {
        outer.throwIfAborted()
        if (late.aborted) throw new NetworkError(`did not answer within ${ms / 1000} s`)
        throw error
      }
    },
    async ping(url, ms) {
      try {
        const answer = await fetch(url, { headers, signal: AbortSignal.timeout(ms) })
        await answer.discard()
      } catch {
        // whoever tells it has no second chance
      }
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  }
}

const read = async (answer: HttpResponse): Promise<Reply> =>
  replyOf(answer, await readBody(answer.body, MAX_ANSWER))

const replyOf = ({ status, headers }: HttpResponse, text: string): Reply => ({
  ...{ status, text, type: headers['content-type'] ?? '' },
  afterMs: parseRetryAfter(headers['retry-after']),
})

/** An answer that is no use, as an error. */
export function toNetworkError({ status, afterMs }: Reply): NetworkError {
  const hint = status === 401 || status === 403 ? '; check RUNPOD_AI_API_KEY' : ''
  return new NetworkError(`answered with status ${status}${hint}`, {
    status,
    retryAfterMs: afterMs,
  })
}
