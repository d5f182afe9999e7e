import { mapConcurrent } from './concurrent-map.ts'

/**
 * Keep `count` items in the making while the consumer works on the one it has: one visible word
 * where a model and pixel work shall overlap. Order is kept; ending early ends the source too.
 */
export const prefetch = <T>(count: number, items: AsyncIterable<T>): AsyncGenerator<T> =>
  mapConcurrent(count + 1, items, (item) => item)
