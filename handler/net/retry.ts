import { NetworkError } from './network-error.ts'
import type { RetryPolicy } from './timeouts.ts'

/** The tries that are left for one thing, and the growing pauses between them. */
export interface RetryState {
  /**
   * Wait before the next try.
   * @param afterMs what the server asked for (Retry-After); the pause is never shorter, but bounded
   * @throws `error` when no try is left; the signal's reason when aborted
   */
  pause(error: unknown, signal: AbortSignal, afterMs?: number): Promise<void>
  /** Count from the start again: what was tried has got further. */
  reset(): void
  /** Tries begun so far. */
  readonly count: number
}

const MAX_RETRY_AFTER_FACTOR = 8 // times maxMs: a server may ask for more patience than ours, but not for ever

export function createRetry(
  { tries, firstMs, maxMs }: RetryPolicy,
  random = Math.random,
): RetryState {
  let used = 1
  let count = 1
  return {
    async pause(error, signal, afterMs = 0) {
      if (used >= tries) throw error
      // Half of each pause is chance, so that workers that failed together do not return together.
      const own = Math.min(maxMs, firstMs * 2 ** (used - 1)) * (0.5 + random() / 2)
      const wish = Math.min(afterMs, MAX_RETRY_AFTER_FACTOR * maxMs)
      used++
      count++
      await sleep(Math.max(own, wish), signal)
    },
    reset() {
      used = 1
    },
    get count() {
      return count
    },
  }
}

export interface RetryOptions {
  /** Whether another try may help; where unset, after a NetworkError that is not permanent. */
  isRetryable?: (error: unknown) => boolean
  /** Told of each failure that another try may mend, and which try it was. */
  onFailure?: (error: unknown, attempt: number) => void
}

/**
 * Run something again until it succeeds or cannot; each try has really ended before the next.
 *
 * @param run takes the number of the try, from 1
 * @throws the last error; the signal's reason
 */
export async function retry<T>(
  run: (attempt: number) => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal,
  { isRetryable = isTransient, onFailure }: RetryOptions = {},
): Promise<T> {
  const tries = createRetry(policy)
  for (;;) {
    try {
      return await run(tries.count)
    } catch (error) {
      signal.throwIfAborted()
      if (!isRetryable(error)) throw error
      onFailure?.(error, tries.count)
      const afterMs = error instanceof NetworkError ? error.retryAfterMs : undefined
      await tries.pause(error, signal, afterMs)
    }
  }
}

const isTransient = (error: unknown): boolean => error instanceof NetworkError && !error.permanent

/** @throws the signal's reason, at once when it aborts */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
}

/** Milliseconds of a Retry-After header: seconds, or a date by this machine's clock. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

/** The signal, some time later: for what should rather end by itself. */
export function delayAbort(signal: AbortSignal, ms: number): AbortSignal {
  if (ms === 0) return signal
  const controller = new AbortController()
  const abort = () => setTimeout(() => controller.abort(signal.reason), ms).unref()
  signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}
