import { onTestFinished, vi } from 'vitest'

/**
 * Timers of exactly that length end at once, until the test is over: a test that wants a pause counts it in
 * place of waiting. Take a length that nothing else has.
 */
export function skipPauses(ms: number): { count: number } {
  const setTimer = globalThis.setTimeout
  const skipped = { count: 0 }
  const timer = (run: (...values: unknown[]) => void, after?: number, ...values: unknown[]) => {
    if (after === ms) skipped.count++
    return setTimer(run, after === ms ? 0 : after, ...values)
  }
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(timer as typeof setTimeout)
  onTestFinished(() => spy.mockRestore())
  return skipped
}
