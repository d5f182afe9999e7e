import type { CanceledError } from '../../../handler/errors.ts'
import { installSignalHandlers } from '../../../runtime/shutdown.ts'

// A worker that says what it hears. Argument 1: milliseconds to drain. Argument 2: what it waits for
// before it ends by itself: `draining`, `aborted`, or `never`; `disposed` stops listening at once.
const [drainMs, until] = [Number(process.argv[2]), process.argv[3]]
const say = (line: string) => process.stdout.write(`${line}\n`)
const busy = setInterval(() => {}, 1000)
const stop = installSignalHandlers(drainMs)
for (const word of ['draining', 'aborted'] as const) {
  stop[word].addEventListener('abort', () => {
    const { code, retryable } = stop[word].reason as CanceledError
    say(`${word} ${code} ${retryable ? 'retryable' : 'final'}`)
    if (until === word) clearInterval(busy)
  })
}
if (until === 'disposed') stop[Symbol.dispose]()
say('listening')
