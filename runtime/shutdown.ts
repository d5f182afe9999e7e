import { CanceledError } from '../handler/errors.ts'
import { silentLog, type Log } from '../handler/log.ts'

/** The two words of a shutdown. */
export interface Shutdown {
  /** Take nothing more; finish what runs. */
  draining: AbortSignal
  /** Give up what runs, as retryable: the drain took too long, or somebody insists. */
  aborted: AbortSignal
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Listen to the platform's wish to stop. First signal: `soon`, and `now` after `drainMs`. Second:
 * `now`. Third: the process ends by that signal, whatever it is doing. Disposing gives the signals
 * their usual effect back.
 */
export function installSignalHandlers(
  drainMs: number,
  log: Log = silentLog,
): Shutdown & Disposable {
  const [draining, aborted] = [new AbortController(), new AbortController()]
  const reason = new CanceledError('SHUTDOWN', 'the worker is shutting down; try again elsewhere')
  let drain: NodeJS.Timeout | undefined

  const forceShutdown = (why: string) => {
    clearTimeout(drain)
    log.warn('stop.now', { why })
    aborted.abort(reason)
  }
  const onSignal = (name: (typeof SIGNALS)[number]) => {
    if (aborted.signal.aborted) return end(name)
    if (draining.signal.aborted) return forceShutdown(name)
    log.info('stop.soon', { why: name, drain_s: drainMs / 1000 })
    drain = setTimeout(forceShutdown, drainMs, 'the drain took too long').unref()
    draining.abort(reason)
  }
  const dispose = () => {
    clearTimeout(drain)
    for (const name of SIGNALS) process.off(name, onSignal)
  }
  const end = (name: NodeJS.Signals) => {
    dispose()
    process.kill(process.pid, name) // an honest exit status
    process.exit(1) // process 1 of a container is immune to its own signals
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return { draining: draining.signal, aborted: aborted.signal, [Symbol.dispose]: dispose }
}
