import { CanceledError } from '../../handler/errors.ts'
import { STOP_SIGNALS } from '../shutdown.ts'
import { createEchoFilter } from '../signal-echo.ts'
import { EXIT_CODES } from './exit-codes.ts'

/** A signal that aborts at Ctrl-C, or when the terminal is closed; the second one ends the process at once. */
export function onInterrupt(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController()
  const isEcho = createEchoFilter()
  const stop = (name: NodeJS.Signals) => {
    if (isEcho(name)) return
    if (controller.signal.aborted) process.exit(EXIT_CODES.nobody)
    controller.abort(new CanceledError('CANCELED', 'interrupted'))
  }
  for (const name of STOP_SIGNALS) process.on(name, stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of STOP_SIGNALS) process.off(name, stop)
    },
  }
}
