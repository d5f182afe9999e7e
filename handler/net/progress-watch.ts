/** Ends what gets nowhere any more, and nothing that moves, however slowly. */
export interface ProgressWatch extends Disposable {
  /** Aborted when nothing has moved for too long. */
  signal: AbortSignal
  moved(): void
}

/**
 * @param ms may pass without a movement; or as much as has passed with them, because what the system has
 *   taken for a slow line is still on its way when we see no more of it
 */
export function watchProgress(ms: number): ProgressWatch {
  const stalled = new AbortController()
  const stop = () => stalled.abort()
  const began = performance.now()
  let timer = setTimeout(stop, ms)
  return {
    signal: stalled.signal,
    moved() {
      clearTimeout(timer)
      timer = setTimeout(stop, Math.max(ms, performance.now() - began))
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}
