import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { errorBody } from './responses.ts'

/**
 * Lets a request pass that brings the key: as a bearer token, as it is (RunPod's clients may), or as
 * the password of Basic, which is what a browser asks its user for.
 */
export function requireApiKey(apiKey: string | undefined): MiddlewareHandler {
  const expected = apiKey === undefined ? undefined : digest(apiKey)
  return async (c, next) => {
    if (!expected || timingSafeEqual(digest(extractKey(c.req.header('authorization'))), expected)) {
      return next()
    }
    c.header('WWW-Authenticate', 'Bearer, Basic realm="musetalk-worker"')
    return c.json(
      errorBody('UNAUTHORIZED', 'send the key as "Authorization: Bearer <API_KEY>"'),
      401,
    )
  }
}

/** A page of another site may not send jobs through its visitor's browser. */
export const rejectCrossSite: MiddlewareHandler = async (c, next) => {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  if (isRead || c.req.header('sec-fetch-site') !== 'cross-site') return next()
  return c.json(errorBody('FORBIDDEN', 'a page of another site sent this request'), 403)
}

function extractKey(header = ''): string {
  const [, scheme, rest] = /^(\S+)\s+(.*)$/.exec(header) ?? []
  if (!scheme || rest === undefined) return header
  if (scheme.toLowerCase() !== 'basic') return rest.trim()
  return Buffer.from(rest, 'base64')
    .toString()
    .replace(/^[^:]*:/, '')
}

/** Digests have one length, as a comparison in constant time needs. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
