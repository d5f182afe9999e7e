import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { Agent, request as undiciRequest, type Dispatcher } from 'undici'
import { isPrivateAddress, ipLiteralOf, urlProblem } from './ip-guard.ts'
import { InputError, JobError } from '../errors.ts'
import { toNetworkError, NetworkError } from './network-error.ts'
import type { ProxySettings } from './proxy.ts'
import { createRouter } from './proxy-route.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from './timeouts.ts'

export interface HttpRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT'
  headers?: Record<string, string>
  /** A stream is made anew for each address that it is sent to. */
  body?: string | Uint8Array | (() => Readable)
  signal: AbortSignal
  /**
   * Redirects that are followed, each checked like the first address; none where unset. A body goes
   * with those only that ask for the same request at another place (307, 308).
   */
  redirects?: number
  /** For the headers of the answer; 0: the caller watches. The client's own where unset. */
  headersTimeoutMs?: number
}

export interface HttpResponse {
  status: number
  headers: Record<string, string>
  /** The bytes as they came; read them or `discard()` them. */
  body: AsyncIterable<Uint8Array>
  discard(): Promise<void>
}

/** HTTP that does not reach where it must not. */
export interface GuardedFetch {
  /**
   * @throws InputError BLOCKED_URL before anything connects; NetworkError; the signal's reason
   */
  (url: string, request: HttpRequest): Promise<HttpResponse>
  /**
   * Look a URL's host up and refuse an internal one. A name that cannot be resolved now is not
   * refused: whoever connects later checks again, with the lookup that it connects by.
   * @throws InputError BLOCKED_URL
   */
  check(url: string, signal: AbortSignal): Promise<void>
}

export interface FetchOptions {
  /** Whether an IP address is out of bounds; everything that is not public where unset. */
  isBlocked?: (address: string) => boolean
  lookup?: typeof systemLookup
  timeouts?: Pick<Timeouts, 'connectMs' | 'headersMs' | 'stallMs'>
  proxy?: ProxySettings | undefined
  /** Whether a proxy may look names up itself: what it finds then is not checked. No where unset. */
  trustsProxy?: boolean
}

// What is worth reading to keep a connection; a body that goes on is cut with its connection.
const MAX_DISCARDED = 65_536 // bytes
const MAX_DISCARD_MS = 500
const REDIRECTS = [301, 302, 303, 307, 308]
const SAME_REQUEST = [307, 308]
const PERMANENT = { permanent: true }

/**
 * The guard of Node's own lookup: checks every address of a name in the very lookup that is
 * connected by. IP literals never get here, so they are checked before.
 */
export function createGuardedFetch(options: FetchOptions = {}): GuardedFetch {
  const {
    isBlocked = isPrivateAddress,
    lookup = systemLookup,
    timeouts = DEFAULT_TIMEOUTS,
  } = options
  const guardedLookup: LookupFunction = (host, { all, ...hints }, done) => {
    lookup(host, { ...hints, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return done(error, '', 0)
      if (addresses.some(({ address }) => isBlocked(address)))
        return done(blockedUrlError(host), '', 0)
      const [first] = addresses
      if (all) done(null, addresses)
      else done(null, first!.address, first!.family)
    })
  }
  const limits = { headersTimeout: timeouts.headersMs, bodyTimeout: timeouts.stallMs }
  const direct = new Agent({
    ...limits,
    connect: { lookup: guardedLookup, timeout: timeouts.connectMs },
    allowH2: false,
  })
  const routeTo = createRouter({ ...options, lookup: guardedLookup, direct, limits, timeouts })
  const literalCheck = (url: URL) => {
    const literal = ipLiteralOf(url)
    if (literal !== undefined && isBlocked(literal)) throw blockedUrlError(url.hostname)
  }

  const fetch = async (
    text: string,
    { redirects = 0, headers = {}, ...request }: HttpRequest,
  ): Promise<HttpResponse> => {
    let url = new URL(text)
    const { origin } = url
    for (let left = redirects; ; left--) {
      literalCheck(url)
      const shown = url.origin === origin ? headers : withoutCredentials(headers)
      const route = await routeTo(url, request.signal).catch((error: unknown) => {
        throw toFetchError(error, request.signal)
      })
      const own = { headers: { ...shown, ...route.headers }, dispatcher: route.dispatcher }
      const answer = await send(route.url, { ...request, ...own })
      const { location } = answer.headers
      if (!REDIRECTS.includes(answer.status) || location === undefined) return answer
      await answer.discard()
      const follows = request.body === undefined || SAME_REQUEST.includes(answer.status)
      if (left <= 0 || !follows) {
        throw new NetworkError(redirectMessage(follows ? redirects : 0), PERMANENT)
      }
      url = redirectTarget(location, url)
    }
  }
  fetch.check = async (text: string, signal: AbortSignal) => {
    const url = new URL(text)
    literalCheck(url)
    if (ipLiteralOf(url) !== undefined) return
    const found = await addressesOf(url.hostname, lookup, timeouts.connectMs, signal)
    if (found.some(isBlocked)) throw blockedUrlError(url.hostname)
  }
  return fetch
}

/** For addresses that the operator named: they may be anywhere, also inside. */
export const createTrustedFetch = (
  proxy?: ProxySettings,
  timeouts?: FetchOptions['timeouts'],
): GuardedFetch =>
  createGuardedFetch({
    ...{ isBlocked: () => false, proxy, trustsProxy: true },
    ...(timeouts && { timeouts }),
  })

type Options = Omit<HttpRequest, 'redirects'> & { dispatcher: Dispatcher }

async function send(
  url: URL,
  { body: content, headersTimeoutMs, ...options }: Options,
): Promise<HttpResponse> {
  const { signal } = options
  try {
    const { statusCode, headers, body } = await undiciRequest(url, {
      ...options,
      ...(headersTimeoutMs !== undefined && { headersTimeout: headersTimeoutMs }),
      body: (typeof content === 'function' ? content() : content) ?? null,
    })
    return {
      status: statusCode,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, String(value)]),
      ),
      body: bytes(body, signal),
      async discard() {
        const enough = AbortSignal.timeout(MAX_DISCARD_MS)
        await body.dump({ limit: MAX_DISCARDED, signal: enough }).catch(() => body.destroy())
      },
    }
  } catch (error) {
    throw toFetchError(error, signal)
  }
}

async function* bytes(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array
  } catch (error) {
    throw toFetchError(error, signal)
  }
}

function toFetchError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof JobError) return error
  return toNetworkError(error)
}

/** What was meant for one server is not shown to another that it redirects to. */
const withoutCredentials = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)),
  )

/** Bytes beyond ASCII, which undici shows one to a character, go on as they came: mostly UTF-8. */
function redirectTarget(location: string, from: URL): URL {
  const target = location.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  const url = URL.canParse(target, from) ? new URL(target, from) : undefined
  if (!url) throw new NetworkError('redirected to something that is no URL', PERMANENT)
  const problem = urlProblem(url.href)
  if (problem) throw new InputError('BLOCKED_URL', `the address it redirects to ${problem}`)
  return url
}

async function addressesOf(
  host: string,
  lookup: typeof systemLookup,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>()
  lookup(host, { all: true }, (error, found) =>
    resolve(error ? [] : found.map(({ address }) => address)),
  )
  const waited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const stop = () => resolve([])
  waited.addEventListener('abort', stop, { once: true })
  const found = await promise
  waited.removeEventListener('abort', stop)
  signal.throwIfAborted()
  return found
}

/** Says which host, as the caller wrote it, but not what it resolves to. */
const blockedUrlError = (host: string) =>
  new InputError('BLOCKED_URL', `the address of "${host}" is not a public one`)

const redirectMessage = (allowed: number) =>
  allowed === 0 ? 'redirects, which is not followed here' : `redirects more than ${allowed} times`
