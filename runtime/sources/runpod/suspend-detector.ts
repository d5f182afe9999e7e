const TICK_MS = 1_000

/**
 * Notice when this process was stopped and goes on: platforms freeze idle workers. By the clock on the
 * wall, because others stand still meanwhile; being fooled by one that is set costs nothing but connections.
 *
 * @param frozenMs a longer gap counts as one
 * @param onResume called after each, as soon as the process runs again
 */
export function detectSuspend(frozenMs: number, onResume: () => void): Disposable {
  let last = Date.now()
  const timer = setInterval(
    () => {
      const gap = Date.now() - last
      last = Date.now()
      if (gap > frozenMs) onResume()
    },
    Math.min(TICK_MS, frozenMs / 4),
  )
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
