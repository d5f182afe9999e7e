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
  post(path: string, body: object, limits: AnswerLimits, signal: AbortSignal): Promise<Reply>
}

export interface AnswerLimits {
  /** Until the answer has come; its body may come slowly where it may be large. */
  timeoutMs: number
  /** 1 MB where unset. */
  maxBytes?: number
}

export interface Reply {
  status: number
  /** Undefined where the body is no JSON, or longer than it may be. */
  json: unknown
  /** The beginning of a body that is longer than it may be. */
  start?: string
  afterMs: number | undefined
}

const MAX_ANSWER = 2 ** 20 // bytes
const MIN_BYTES_PER_MS = 500 // a large answer may take longer
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
    async post(path, body, { timeoutMs, maxBytes = MAX_ANSWER }, outer) {
      const late = new AbortController()
      const signal = AbortSignal.any([outer, late.signal])
      let timer = setTimeout(() => late.abort(), timeoutMs)
      const { url, ...rest } = request(path, body)
      try {
        const answer = await fetch(url, { method: 'POST', ...rest, signal })
        clearTimeout(timer)
        timer = setTimeout(() => late.abort(), timeoutMs + maxBytes / MIN_BYTES_PER_MS)
        const { text, ...cut } = await readText(answer.body, maxBytes)
        const { status, headers } = answer
        // Somebody in between has taken the request: nobody who knows jobs has heard it.
        if (isOk(status) && HTML_PAGE.test(text)) throw new NetworkError('answered with a web page')
        const afterMs = parseRetryAfter(headers['retry-after'])
        return { status, json: parse(text), ...cut, afterMs }
      } catch (error) {
        outer.throwIfAborted()
        if (late.signal.aborted) {
          throw new NetworkError(`did not answer within ${timeoutMs / 1000} s`)
        }
        throw error
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** @returns no text, but how it begins, where it is longer than it may be */
async function readText(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ text: string; start?: string }> {
  try {
    return { text: await readBody(body, maxBytes) }
  } catch (error) {
    if (error instanceof BodyTooLargeError) return { text: '', start: error.start }
    throw error
  }
}

/** A name that is a number beyond what a number here can hold keeps the digits that it came with. */
const LARGE_NUMBER = /:\s*-?\d{16}/

function parse(text: string): unknown {
  const digits = (name: string, value: unknown, context?: { source?: string }) =>
    name.endsWith('_job_id') && typeof value === 'number' && !Number.isSafeInteger(value)
      ? (context?.source ?? value)
      : value
  try {
    return JSON.parse(text, LARGE_NUMBER.test(text) ? digits : undefined) as unknown
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
