import { CanceledError } from '../handler/errors.ts'
import { silentLog, type Log } from '../handler/log.ts'
import { MAX_TIMER_MS } from './jobs/clock.ts'
import { createEchoFilter } from './signal-echo.ts'

/** The two words of a shutdown. */
export interface Shutdown {
  /** Take nothing more; finish what runs. */
  draining: AbortSignal
  /** Give up what runs, as retryable: the drain took too long, or somebody insists. */
  aborted: AbortSignal
}

/** A shutdown that this process may begin by itself. */
export interface ShutdownControl extends Shutdown, Disposable {
  /** As the first signal does it. */
  drain(why: string): void
}

/** SIGHUP: the terminal was closed. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Listen to the platform's wish to stop. First signal: `draining`, and `aborted` after
 * `drainMs`. Second: `aborted`. Third: the process ends by that signal, whatever it is doing. Disposing gives the signals
 * their usual effect back.
 */
export function installSignalHandlers(drainMs: number, log: Log = silentLog): ShutdownControl {
  const [draining, aborted] = [new AbortController(), new AbortController()]
  const reason = new CanceledError('SHUTDOWN', 'the worker is shutting down; try again elsewhere')
  const isEcho = createEchoFilter()
  let timer: NodeJS.Timeout | undefined

  const forceShutdown = (why: string) => {
    clearTimeout(timer)
    log.warn('stop.now', { why })
    aborted.abort(reason)
  }
  const drain = (why: string) => {
    if (draining.signal.aborted) return
    log.info('stop.soon', { why, drain_s: drainMs / 1000 })
    timer = setTimeout(
      forceShutdown,
      Math.min(drainMs, MAX_TIMER_MS),
      'the drain took too long',
    ).unref()
    draining.abort(reason)
  }
  const onSignal = (name: (typeof STOP_SIGNALS)[number]) => {
    if (isEcho(name)) return
    if (aborted.signal.aborted) return end(name)
    if (draining.signal.aborted) return forceShutdown(name)
    drain(name)
  }
  const dispose = () => {
    clearTimeout(timer)
    for (const name of STOP_SIGNALS) process.off(name, onSignal)
  }
  const end = (name: NodeJS.Signals) => {
    dispose()
    process.kill(process.pid, name) // an honest exit status
    process.exit(1) // process 1 of a container is immune to its own signals
  }
  for (const name of STOP_SIGNALS) process.on(name, onSignal)
  return { draining: draining.signal, aborted: aborted.signal, drain, [Symbol.dispose]: dispose }
}
