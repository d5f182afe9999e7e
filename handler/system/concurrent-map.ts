/**
 * Work on up to `count` items at once and hand the outcomes on in the items' order. The next items are
 * asked for while the consumer works on the one it has; ending early ends the source too.
 */
export async function* mapConcurrent<T, U>(
  count: number,
  items: AsyncIterable<T>,
  work: (item: T) => U | Promise<U>,
): AsyncGenerator<U> {
  const iterator = items[Symbol.asyncIterator]()
  const started: Promise<IteratorResult<U>>[] = []
  const begin = async (): Promise<IteratorResult<U>> => {
    const item = await iterator.next()
    return item.done ? item : { done: false, value: await work(item.value) }
  }
  try {
    for (;;) {
      while (started.length < count) {
        const outcome = begin()
        outcome.catch(() => {}) // it is awaited later, perhaps never: then its error has no reader
        started.push(outcome)
      }
      const outcome = await started.shift()!
      if (outcome.done) return
      yield outcome.value
    }
  } finally {
    await Promise.allSettled(started)
    await iterator.return?.()
  }
}

/** Items in groups of `size`; the last may be smaller. */
export async function* inGroups<T>(size: number, items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
