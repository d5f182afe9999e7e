/**
 * What went wrong with pixel work: `memory` (a smaller picture, another machine), `thread` (one ended
 * unasked), `operation` (one failed, which is a fault of this program).
 */
export class PixelError extends Error {
  readonly kind: 'memory' | 'thread' | 'operation'
  constructor(kind: PixelError['kind'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PixelError'
    this.kind = kind
  }
}

/** What an operation threw. */
export function asPixelError(cause: unknown): PixelError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const memory = cause instanceof RangeError && /grow|allocation/i.test(message)
  return new PixelError(memory ? 'memory' : 'operation', `pixel work failed: ${message}`, { cause })
}
