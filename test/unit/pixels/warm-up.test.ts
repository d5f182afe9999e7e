import { expect, test } from 'vitest'
import { createPixelOperations } from '../../../models/pixels/pixel-operations.ts'
import { callOperation, type PixelCall } from '../../../models/pixels/threads/pixel-thread.ts'
import { openPixels } from '../../../models/pixels/threads/pixels.ts'

test('threads that are warmed up have done each operation before the first frame', async () => {
  const operations = createPixelOperations()
  const done: string[][] = []
  const start = () => {
    const own = done[done.push([]) - 1]!
    return {
      run: async (calls: readonly PixelCall[]) => {
        own.push(...calls.map(({ operation }) => operation))
        return calls.slice(0, 4).map((call) => callOperation(operations, call))
      },
      waiting: () => 0,
      dead: () => false,
      stop: async () => {},
    }
  }
  await using pixels = openPixels(2, start)
  await pixels.warmUp()
  expect(done.map((each) => new Set(each))).toEqual([
    new Set(Object.keys(operations)),
    new Set(Object.keys(operations)),
  ])
})
