import { RequestRefused, WorkerUnreachable, type RefusalBody } from './errors.ts'

export interface RequesterOptions {
  /** The worker's `API_KEY`, or the platform's where it stands before the worker. */
  key?: string | undefined
  /** How long a call goes on trying while the worker is busy or cannot be reached; a minute where unset. */
  patienceMs?: number
  /** Before the second try, twice that before the third, and so on; half a second where unset. */
  retryDelayMs?: number
  fetch?: typeof fetch
  /**
   * Every request goes to the worker that answered the first one, which has the jobs and uploads of this client:
   * for RunPod's load balancer, which else sends each to any.
   */
  sticky?: boolean
}

export interface RequestOptions {
  signal?: AbortSignal
}

interface Call extends RequestOptions {
  headers?: Record<string, string>
  /** Sent as JSON. */
  json?: unknown
  body?: Blob | ReadableStream<Uint8Array> | undefined
  /** Not sent again: the body is used up, or the caller knows better how to go on. */
  once?: boolean
}

export interface Requester {
  retryDelayMs: number
  resolveUrl(path: string): string
  /** An answer of 2xx. @throws RequestRefused, WorkerUnreachable, the signal's reason */
  ask(method: string, path: string, call?: Call): Promise<Response>
  askJson<T>(method: string, path: string, call?: Call): Promise<T>
}

/** @see https://docs.runpod.io/serverless/load-balancing/worker-affinity */
const WORKER_ID = 'x-runpod-worker-id'

/** Requests of one worker, with its key, sent again while it is away or busy. */
export function createRequester(url: string | URL, options: RequesterOptions): Requester {
  const { key, patienceMs = 60_000, retryDelayMs = 500, fetch = globalThis.fetch } = options
  let worker: string | undefined
  const base = new URL(String(url).replace(/\/*$/, '/'))
  const resolveUrl = (path: string) => new URL(path, base).href

  async function ask(method: string, path: string, call: Call = {}): Promise<Response> {
    const { json, body, headers, signal, once = false } = call
    const init = {
      ...{ method, duplex: 'half' as const, ...(signal && { signal }) },
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...(worker !== undefined && { [WORKER_ID]: `strict ${worker}` }),
        ...headers,
      },
      ...(body && { body }),
      ...(json !== undefined && { body: JSON.stringify(json) }),
    }
    const begun = performance.now()
    for (let delay = retryDelayMs; ; delay *= 2) {
      const { response, failure, waitMs } = await attempt(() => fetch(resolveUrl(path), init))
      if (response) {
        if (options.sticky) worker ??= response.headers.get(WORKER_ID) ?? undefined
        return response
      }
      signal?.throwIfAborted()
      const pause = Math.max(delay, waitMs)
      if (once || !failure.retryable || performance.now() - begun + pause > patienceMs)
        throw failure
      await wait(pause, signal)
    }
  }
  return {
    ...{ retryDelayMs, resolveUrl, ask },
    askJson: async <T>(method: string, path: string, call?: Call) =>
      (await (await ask(method, path, call)).json()) as T,
  }
}

type Attempt =
  | { response: Response; failure?: undefined; waitMs?: undefined }
  | { response?: undefined; failure: RequestRefused | WorkerUnreachable; waitMs: number }

async function attempt(send: () => Promise<Response>): Promise<Attempt> {
  let response: Response
  try {
    response = await send()
  } catch (cause) {
    const message = `the worker cannot be reached: ${reasonOf(cause)}`
    return { failure: new WorkerUnreachable(message, { cause }), waitMs: 0 }
  }
  if (response.ok) return { response }
  const body = (await response.json().catch(() => ({}))) as RefusalBody
  const waitMs = 1000 * Number(response.headers.get('retry-after') ?? 0) || 0
  return { failure: new RequestRefused(response.status, body), waitMs }
}

/** Node's `fetch failed` has what happened as its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error && cause.message ? cause.message : message
}

/** @throws the signal's reason */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
