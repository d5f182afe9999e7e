/** One render's place among those of its process. */
export interface Turn extends Disposable {
  /** Its number: what came earlier goes first on the card. */
  rank: number
  /**
   * Resolves when all earlier renders have drawn their last frame: then only one of them at a time
   * takes what the processor has for encoding.
   * @throws the signal's reason
   */
  comes(signal: AbortSignal): Promise<void>
  /** The last frame is drawn. Disposing says so too. */
  over(): void
}

/** Renders in the order in which they began. */
export function createRenderTurns(): { next(): Turn } {
  let rank = 0
  let earlier: Promise<unknown> = Promise.resolve()
  return {
    next() {
      const before = earlier
      const { promise, resolve } = Promise.withResolvers<void>()
      earlier = Promise.all([before, promise])
      return {
        rank: rank++,
        comes: (signal) => orAborted(before, signal),
        over: resolve,
        [Symbol.dispose]: resolve,
      }
    },
  }
}

/**
 * What is drawn begins at once, as far as the stages hold frames; handing it on waits for the turn,
 * which is over with the last frame.
 */
export function inTurn(
  frames: AsyncGenerator<Uint8Array>,
  turn: Turn,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const first = frames.next()
  first.catch(() => {}) // it is awaited later, perhaps never: then its error has no reader
  return (async function* () {
    try {
      await turn.comes(signal)
      for (let item = await first; !item.done; item = await frames.next()) yield item.value
    } finally {
      turn.over()
      await first.catch(() => {})
      await frames.return(undefined)
    }
  })()
}

async function orAborted(event: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<void>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    await Promise.race([event, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
