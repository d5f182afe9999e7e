import { ErrorOfKind } from '../system/error-of-kind.ts'

/**
 * What went wrong with pixel work: `memory` (a smaller picture, another machine), `thread` (one ended
 * unasked), `operation` (one failed, which is a fault of this program).
 */
export class PixelError extends ErrorOfKind<'memory' | 'thread' | 'operation'> {
  override readonly name = 'PixelError'
}

/** What an operation threw. */
export function asPixelError(cause: unknown): PixelError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const memory = cause instanceof RangeError && /grow|allocation/i.test(message)
  return new PixelError(memory ? 'memory' : 'operation', `pixel work failed: ${message}`, { cause })
}
