/** Time as the job store sees it, so that a test can hold it still. */
export interface Clock {
  /** Milliseconds that never jump. */
  now(): number
  /** Run something later; call the answer to forget it. Never keeps the process alive. */
  schedule(ms: number, run: () => void): () => void
}

/** The longest a timer of Node's can wait; longer ones fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

export const realClock: Clock = {
  now: () => performance.now(),
  schedule(ms, run) {
    const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
