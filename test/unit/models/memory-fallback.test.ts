import { describe, expect, test } from 'vitest'
import { ModelError } from '../../../models/inference/errors.ts'
import { splitWhenOutOfMemory } from '../../../models/inference/memory-fallback.ts'
import type { Tensors } from '../../../models/inference/tensor.ts'

/** `generate` on a device that has room for so many items: each item plus what holds for all. */
function device(room: number) {
  const batches: number[] = []
  const noted: [string, number][] = []
  const run = splitWhenOutOfMemory(
    async (_graph, { items, all }) => {
      const size = items!.dims[0]!
      batches.push(size)
      if (size > room) throw new ModelError('memory', 'out of memory')
      const data = Float32Array.from(items!.data, (value) => value + all!.data[0]!)
      return { sums: { type: 'float32', dims: [size, 2], data } }
    },
    (graph, batch) => noted.push([graph, batch]),
  )
  const feeds = (size: number): Tensors => ({
    items: {
      type: 'float32',
      dims: [size, 2],
      data: Float32Array.from({ length: 2 * size }, (_, i) => i),
    },
    all: { type: 'float32', dims: [1], data: Float32Array.of(100) },
  })
  return { run, batches, noted, feeds }
}

const sums = (size: number) => Array.from({ length: 2 * size }, (_, i) => 100 + i)

describe('a batch that does not fit into memory', () => {
  test('is run in two halves, and so are all that follow', async () => {
    const { run, batches, noted, feeds } = device(4)
    for (let i = 0; i < 2; i++) {
      const { sums: made } = await run('generate', feeds(8))
      expect(made!.dims).toEqual([8, 2])
      expect([...made!.data]).toEqual(sums(8))
    }
    expect(batches).toEqual([8, 4, 4, 4, 4])
    expect(noted).toEqual([['generate', 4]])
  })
  test('of an odd number has halves of one shape', async () => {
    const { run, batches, feeds } = device(4)
    const { sums: made } = await run('generate', feeds(7))
    expect([...made!.data]).toEqual(sums(7))
    expect(batches).toEqual([7, 4, 4])
  })
  test('fails where half is too much as well, and where there is only one item', async () => {
    const { run, feeds } = device(0)
    for (const size of [8, 1]) {
      await expect(run('generate', feeds(size))).rejects.toMatchObject({ kind: 'memory' })
    }
  })
  test('fails where the graph takes no batches', async () => {
    const { run, batches, feeds } = device(0)
    await expect(run('listen', feeds(8))).rejects.toMatchObject({ kind: 'memory' })
    expect(batches).toEqual([8])
  })
})

test('what fails for another reason is not tried again', async () => {
  let runs = 0
  const run = splitWhenOutOfMemory(
    async () => {
      runs++
      throw new ModelError('device', 'the driver is gone')
    },
    () => {},
  )
  const { feeds } = device(8)
  await expect(run('generate', feeds(8))).rejects.toMatchObject({ kind: 'device' })
  expect(runs).toBe(1)
})
