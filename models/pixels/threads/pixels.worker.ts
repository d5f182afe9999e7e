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
    port.postMessage({ id, ...answer(call) } satisfies PixelResponse)
  })
}

if (parentPort) serve(parentPort)
