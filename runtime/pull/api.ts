import type { Fetch } from '../../handler/fetch.ts'
import { retryAfter } from '../../handler/backoff.ts'
import { NetworkError } from '../../handler/network-error.ts'

/** An orchestrator's JSON API, one try at a time. */
export interface Api {
  /** A request's parts, for whoever sends it by other means. */
  request(
    path: string,
    body: object,
  ): { url: string; headers: Record<string, string>; body: string }
  /**
   * @returns the status and, where the body is JSON, what it says
   * @throws NetworkError when there was no answer in time; the signal's reason
   */
  post(path: string, body: object, timeoutMs: number, signal: AbortSignal): Promise<Reply>
}

export interface Reply {
  status: number
  /** Undefined where the body is no JSON, or longer than an orchestrator's answers are. */
  json: unknown
  afterMs: number | undefined
}

const LONGEST = 2 ** 20

export function openApi(fetch: Fetch, base: string, key: string): Api {
  const request: Api['request'] = (path, body) => ({
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
        const json = await readJson(answer.body)
        return { status: answer.status, json, afterMs: retryAfter(answer.headers['retry-after']) }
      } catch (error) {
        outer.throwIfAborted()
        if (late.aborted) throw new NetworkError(`did not answer within ${timeoutMs / 1000} s`)
        throw error
      }
    },
  }
}

async function readJson(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > LONGEST) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown
  } catch {
    return undefined
  }
}

/** An answer that is no use, as an error: a server in trouble, or in the middle of its deployment. */
export function unusable({ status, afterMs }: Reply, what: string): NetworkError {
  const ok = status >= 200 && status < 300
  const found = ok ? `something that is no ${what}` : `status ${status}`
  const hint = status === 401 || status === 403 ? '; check INTERNAL_API_KEY' : ''
  return new NetworkError(`answered with ${found}${hint}`, { status, afterMs })
}
