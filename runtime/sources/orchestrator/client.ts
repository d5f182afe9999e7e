import type { GuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { BodyTooLargeError, readBody } from '../../../handler/net/read-body.ts'
import { parseRetryAfter } from '../../../handler/net/retry.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'

/** An orchestrator's JSON API, one try at a time. */
export interface OrchestratorClient {
  /** A request's parts, for whoever sends it by other means. */
  request(
    path: string,
    body: object,
  ): { url: string; headers: Record<string, string>; body: string }
  /**
   * @returns the status and, where the body is JSON, what it says
   * @throws NetworkError where no API has answered, or not in time; the signal's reason
   */
  post(path: string, body: object, timeoutMs: number, signal: AbortSignal): Promise<Reply>
}

export interface Reply {
  status: number
  /** Undefined where the body is no JSON, or longer than an orchestrator's answers are. */
  json: unknown
  afterMs: number | undefined
}

const MAX_ANSWER = 2 ** 20 // bytes
const HTML_PAGE = /^\s*<(!doctype html|html)\b/i

export function createOrchestratorClient(
  fetch: GuardedFetch,
  base: string,
  key: string,
): OrchestratorClient {
  const request: OrchestratorClient['request'] = (path, body) => ({
    url: `${base.replace(/\/+$/, '')}${path}`,
    headers: { 'content-type': 'application/json', 'x-internal-api-key': key },
    body: JSON.stringify(body),
  })
  return {
    request,
    async post(path, body, timeoutMs, outer) {
      const late = AbortSignal.timeout(timeoutMs)
      const signal = AbortSignal.any([outer, late])
      const { url, ...rest } = request(path, body)
      try {
        const answer = await fetch(url, { method: 'POST', ...rest, signal })
        const text = await readText(answer.body)
        const { status, headers } = answer
        // Somebody in between has taken the request: nobody who knows jobs has heard it.
        if (isOk(status) && HTML_PAGE.test(text)) throw new NetworkError('answered with a web page')
        return { status, json: parse(text), afterMs: parseRetryAfter(headers['retry-after']) }
      } catch (error) {
        outer.throwIfAborted()
        if (late.aborted) throw new NetworkError(`did not answer within ${timeoutMs / 1000} s`)
        throw error
      }
    },
  }
}

/** @returns nothing where it is longer than an orchestrator's answers are */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  try {
    return await readBody(body, MAX_ANSWER)
  } catch (error) {
    if (error instanceof BodyTooLargeError) return ''
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export const isOk = (status: number): boolean => status >= 200 && status < 300

/** An answer that is no use, as an error: a server in trouble, or in the middle of its deployment. */
export function toNetworkError({ status, afterMs }: Reply, what: string): NetworkError {
  const found = isOk(status) ? `something that is no ${what}` : `status ${status}`
  const hint = status === 401 || status === 403 ? '; check INTERNAL_API_KEY' : ''
  return new NetworkError(`answered with ${found}${hint}`, { status, retryAfterMs: afterMs })
}
