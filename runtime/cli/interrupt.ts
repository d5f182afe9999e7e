import { CanceledError } from '../../handler/errors.ts'
import { EXIT_CODES } from './exit-codes.ts'

/** A signal that aborts at Ctrl-C; the second one ends the process at once. */
export function onInterrupt(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.nobody)
    controller.abort(new CanceledError('CANCELED', 'interrupted'))
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const name of signals) process.on(name, stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of signals) process.off(name, stop)
    },
  }
}
