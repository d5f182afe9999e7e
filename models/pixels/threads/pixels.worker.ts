import { parentPort } from 'node:worker_threads'
import { asPixelError } from '../errors.ts'
import { createPixelOperations } from '../pixel-operations.ts'
import { callOperation, type PixelRequest, type PixelResponse } from './pixel-thread.ts'

/** The other end of `pixel-thread.ts`: this file is what the thread runs. */
function serve(port: NonNullable<typeof parentPort>) {
  const operations = createPixelOperations()
  const answer = (call: PixelRequest['call']): Omit<PixelResponse, 'id'> => {
    try {
      return { value: callOperation(operations, call) }
    } catch (thrown) {
      const { kind, message } = asPixelError(thrown)
      return { error: { kind, message } }
    }
  }
  port.on('message', ({ id, call }: PixelRequest) => {
    const { value, error } = answer(call)
    const owned = value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []
    port.postMessage({ id, value, ...(error && { error }) } satisfies PixelResponse, owned)
  })
}

if (parentPort) serve(parentPort)
