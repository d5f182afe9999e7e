import { isIP } from 'node:net'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { errorBody } from './responses.ts'

export interface BrowserGuardOptions {
  /** Origins whose pages may send requests and read the answers, as browsers write them. */
  corsOrigins?: readonly string[]
  /** Further names, without port, that this worker is reached by. */
  allowedHosts?: readonly string[]
  publicBaseUrl?: string
}

/**
 * Keeps pages that a visitor happens to have open from driving a worker on the same desk or network:
 * pages of other origins, other ports of localhost, and pages whose own name was bound to this
 * worker's address (DNS rebinding). Programs, which send none of a browser's headers, are let through.
 */
export function guardAgainstBrowsers(app: Hono, options: BrowserGuardOptions): void {
  const { corsOrigins = [] } = options
  if (corsOrigins.length > 0) app.use(cors({ ...CORS, origin: [...corsOrigins] }))
  app.use(rejectForeignHost(options))
  app.use(rejectForeignOrigin(corsOrigins))
  app.use(rejectSimpleBody)
}

/** What a page of an allowed origin needs to submit, watch and fetch. */
const CORS = {
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  exposeHeaders: [
    ...['Location', 'Retry-After', 'Content-Range', 'ETag', 'X-Runpod-Worker-Id'],
    ...['Upload-Offset', 'Upload-Length', 'Upload-Expires'],
    ...['Tus-Resumable', 'Tus-Version', 'Tus-Extension', 'Tus-Max-Size'],
  ],
  maxAge: 600,
}

/** After DNS rebinding a page is of one origin with us; only the name that it used gives it away. */
function rejectForeignHost({
  allowedHosts = [],
  corsOrigins = [],
  publicBaseUrl,
}: BrowserGuardOptions): MiddlewareHandler {
  const ours = new Set(allowedHosts.map((name) => name.toLowerCase()))
  if (publicBaseUrl) ours.add(new URL(publicBaseUrl).hostname)
  return async (c, next) => {
    const name = hostName(c)
    const known = name !== undefined && (ours.has(name) || !isPublicName(name))
    if (known || !isBrowser(c) || isBehindTls(c, corsOrigins)) return next()
    const message = `a browser asked for "${name?.slice(0, 200) ?? ''}": if that is this worker, name it in ALLOWED_HOSTS`
    return c.json(errorBody('FORBIDDEN', message), 421)
  }
}

/** Reads are safe: without CORS no page sees an answer of another origin. */
function rejectForeignOrigin(corsOrigins: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header('origin')
    const site = c.req.header('sec-fetch-site')
    const sameHost = origin && originHost(origin) === c.req.header('host')?.toLowerCase()
    const ours = site === undefined || site === 'same-origin' || site === 'none'
    // A proxy may have another name for us than the browser, who then is who knows.
    const allowed = origin === undefined ? ours : sameHost || site === 'same-origin'
    if (isRead(c) || allowed || corsOrigins.includes(origin ?? '')) return next()
    const message = 'a page of another site sent this request: CORS_ORIGINS lists who may'
    return c.json(errorBody('FORBIDDEN', message), 403)
  }
}

/** Bodies of these types a page may send anywhere without asking first. */
const SIMPLE = /^(?:$|text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)/i

const rejectSimpleBody: MiddlewareHandler = async (c, next) => {
  const type = c.req.header('content-type')?.trim() ?? ''
  const empty = c.req.raw.body === null || c.req.header('content-length') === '0'
  // Of what writes, a page must ask first for every method but this.
  if (c.req.method !== 'POST' || empty || !isBrowser(c) || !SIMPLE.test(type)) return next()
  return c.json(errorBody('UNSUPPORTED_TYPE', 'send the body as application/json'), 415)
}

const isRead = (c: Context): boolean => ['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)

/** Pages cannot take these headers away: `Origin` comes with every write, the others with most reads. */
const isBrowser = (c: Context): boolean =>
  c.req.header('origin') !== undefined ||
  c.req.header('sec-fetch-site') !== undefined ||
  c.req.header('user-agent')?.startsWith('Mozilla/') === true

/**
 * Whether the browser spoke TLS with whoever handed this on: then the name was proved by a certificate.
 * Of a name that is neither local nor https it sends no `Sec-Fetch-Site`.
 */
function isBehindTls(c: Context, corsOrigins: readonly string[]): boolean {
  const origin = c.req.header('origin')
  if (origin === undefined) return c.req.header('sec-fetch-site') !== undefined
  const same = originHost(origin) === c.req.header('host')?.toLowerCase()
  return (same && origin.startsWith('https:')) || corsOrigins.includes(origin)
}

const originHost = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined

/** Without port and brackets, in lower case. */
function hostName(c: Context): string | undefined {
  const url = `http://${c.req.header('host') ?? new URL(c.req.url).host}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$|\.$/g, '') : undefined
}

/** Names that nobody can register and let point here: those of one label, and the reserved ones. */
const RESERVED = /\.(?:localhost|local|internal|lan|home\.arpa|test)$/

const isPublicName = (name: string): boolean =>
  isIP(name) === 0 && name.includes('.') && !RESERVED.test(name)
