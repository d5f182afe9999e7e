import { parentPort } from 'node:worker_threads'
import { asPixelError } from '../errors.ts'
import { createPixelOperations } from '../pixel-operations.ts'
import { callOperation, type PixelRequest, type PixelResponse } from './pixel-thread.ts'

/** The other end of `pixel-thread.ts`: this file is what the thread runs. */
function serve(port: NonNullable<typeof parentPort>) {
  const operations = createPixelOperations()
  const answer = (calls: PixelRequest['calls']): Omit<PixelResponse, 'id'> => {
    try {
      return { values: calls.map((call) => callOperation(operations, call)) }
    } catch (thrown) {
      const { kind, message } = asPixelError(thrown)
      return { error: { kind, message } }
    }
  }
  port.on('message', ({ id, calls }: PixelRequest) => {
    const outcome = answer(calls)
    const owned = (outcome.values ?? []).filter((value) => value instanceof Uint8Array)
    port.postMessage(
      { id, ...outcome } satisfies PixelResponse,
      owned.map(({ buffer }) => buffer as ArrayBuffer),
    )
  })
}

if (parentPort) serve(parentPort)
