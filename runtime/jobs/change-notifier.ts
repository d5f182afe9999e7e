/** Wakes whoever waits for a thing to change. */
export class ChangeNotifier<T extends object> {
  readonly #waiting = new WeakMap<T, Set<() => void>>()

  /** Resolves at the next change, or when the signal aborts. Look first, then wait. */
  async wait(thing: T, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const notify = () => resolve()
    const waiting = this.#waiting.get(thing) ?? new Set()
    this.#waiting.set(thing, waiting.add(notify))
    signal.addEventListener('abort', notify, { once: true })
    await promise
    signal.removeEventListener('abort', notify)
    waiting.delete(notify)
  }

  notify(thing: T): void {
    for (const notify of this.#waiting.get(thing) ?? []) notify()
  }
}
