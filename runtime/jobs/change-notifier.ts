/** Wakes whoever waits for a thing to change. */
export class Watchers<T extends object> {
  readonly #waiting = new WeakMap<T, Set<() => void>>()

  /** Resolves at the next change, or when the signal aborts. Look first, then wait. */
  async next(thing: T, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    const waiting = this.#waiting.get(thing) ?? new Set()
    this.#waiting.set(thing, waiting.add(wake))
    signal.addEventListener('abort', wake, { once: true })
    await promise
    signal.removeEventListener('abort', wake)
    waiting.delete(wake)
  }

  wake(thing: T): void {
    for (const wake of this.#waiting.get(thing) ?? []) wake()
  }
}
