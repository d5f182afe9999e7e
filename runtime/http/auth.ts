import { createHash, timingSafeEqual } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import { errorBody } from './responses.ts'

/**
 * Lets a request pass that brings the key: as a bearer token, as it is (RunPod's clients may), as the
 * password of Basic, which is what a browser asks its user for, or as `x-api-key` (sync.so's clients).
 */
export function requireApiKey(apiKey: string | undefined): MiddlewareHandler {
  const expected = apiKey === undefined ? undefined : digest(apiKey)
  return async (c, next) => {
    const key = c.req.header('x-api-key') ?? extractKey(c.req.header('authorization'))
    if (!expected || timingSafeEqual(digest(key), expected)) {
      return next()
    }
    challenge(c)
    return c.json(
      errorBody('UNAUTHORIZED', 'send the key as "Authorization: Bearer <API_KEY>"'),
      401,
    )
  }
}

const BASIC = 'Basic realm="musetalk-worker", charset="UTF-8"'

/**
 * Browsers read one scheme in a field, and `Headers` makes one field of two: so Node has to write them. A
 * script's request gets no Basic, for which the browser would ask in place of the page.
 */
function challenge(c: Context): void {
  const mode = c.req.header('sec-fetch-mode')
  if (mode !== undefined && mode !== 'navigate') return c.header('WWW-Authenticate', 'Bearer')
  const { outgoing } = Object(c.env) as { outgoing?: ServerResponse }
  if (outgoing) outgoing.setHeader('WWW-Authenticate', [BASIC, 'Bearer'])
  else c.header('WWW-Authenticate', BASIC)
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
