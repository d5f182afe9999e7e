/*
 * The deadlines after which a render process is killed: it must be ready, give signs of life, and stop
 * when it is asked to. `kill` says why; the words complete "the render process ...".
 */

type Kill = (why: string) => void

const MAX_MISSED_TICKS = 10 // of the watch, in the silence that is allowed
const FIRST_HEARTBEAT_MS = 120_000 // Node and the modules may come from a cold disk, to a busy machine

/** Kill a process that is not ready within `startMs`; for a large bundle on a slow disk minutes. */
export const killUnlessReady = (kill: Kill, startMs: number): NodeJS.Timeout =>
  setTimeout(() => kill(`was killed: it was not ready after ${startMs / 1000} s`), startMs)

/** Told of each sign of life; disposing ends the watch. */
export interface SilenceWatch extends Disposable {
  heard(): void
}

/**
 * Kill a process that says nothing for `silenceMs`: it hangs, or has been stopped. Counted in ticks of
 * this process's own loop, so that a suspended machine accuses nobody.
 */
export function killWhenSilent(kill: Kill, silenceMs: number): SilenceWatch {
  const tickMs = silenceMs / MAX_MISSED_TICKS
  let missed = 0
  let allowed = Math.max(MAX_MISSED_TICKS, FIRST_HEARTBEAT_MS / tickMs)
  const timer = setInterval(() => {
    if (++missed > allowed)
      kill(`was killed: it gave no sign of life for ${(missed * tickMs) / 1000} s`)
  }, tickMs)
  return {
    heard() {
      missed = 0
      allowed = MAX_MISSED_TICKS
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** When the signal aborts, ask a render to stop, and kill its process if it has not within `graceMs`. */
export function cancelOrKill(
  signal: AbortSignal,
  cancel: () => void,
  kill: Kill,
  graceMs: number,
): Disposable {
  let grace: NodeJS.Timeout | undefined
  const onAbort = () => {
    cancel()
    const why = `was killed: it did not stop within ${graceMs / 1000} s`
    grace = setTimeout(kill, graceMs, why)
  }
  signal.addEventListener('abort', onAbort)
  return {
    [Symbol.dispose]() {
      clearTimeout(grace)
      signal.removeEventListener('abort', onAbort)
    },
  }
}
