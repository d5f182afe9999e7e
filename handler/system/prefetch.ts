/**
 * Keep `count` items in the making while the consumer works on the one it has: one visible word
 * where a model and pixel work shall overlap. Order is kept; ending early ends the source too.
 */
export async function* prefetch<T>(count: number, items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  const started: Promise<IteratorResult<T>>[] = []
  try {
    for (;;) {
      while (started.length <= count) {
        const item = iterator.next()
        item.catch(() => {}) // it is awaited later, perhaps never: then its error has no reader
        started.push(item)
      }
      const item = await started.shift()!
      if (item.done) return
      yield item.value
    }
  } finally {
    await Promise.allSettled(started)
    await iterator.return?.()
  }
}
