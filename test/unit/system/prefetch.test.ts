import { describe, expect, test } from 'vitest'
import { prefetch } from '../../../handler/system/prefetch.ts'

async function* numbers(count: number, log: string[] = [], failAt = -1) {
  try {
    for (let i = 0; i < count; i++) {
      if (i === failAt) throw new Error(`number ${i} cannot be made`)
      log.push(`made ${i}`)
      yield i
    }
  } finally {
    log.push('closed')
  }
}

describe('working ahead', () => {
  test('keeps the order and ends with the source', async () => {
    expect(await Array.fromAsync(prefetch(3, numbers(10)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await Array.fromAsync(prefetch(1, numbers(0)))).toEqual([])
  })
  test('makes the wanted number of items before they are asked for, and no more', async () => {
    const log: string[] = []
    const items = prefetch(2, numbers(10, log))
    expect(log).toEqual([]) // nothing before the first is wanted
    await items.next()
    await new Promise(setImmediate)
    expect(log).toEqual(['made 0', 'made 1', 'made 2'])
    await items.return(undefined)
  })
  test('closes the source when the consumer leaves early', async () => {
    const log: string[] = []
    for await (const item of prefetch(1, numbers(10, log))) if (item === 2) break
    expect(log.at(-1)).toBe('closed')
    expect(log).not.toContain('made 6')
  })
  test('hands an error over in its turn, after what came before it', async () => {
    const log: string[] = []
    const got: number[] = []
    const all = async () => {
      for await (const item of prefetch(2, numbers(10, log, 3))) got.push(item)
    }
    await expect(all()).rejects.toThrow('number 3')
    expect(got).toEqual([0, 1, 2])
    expect(log.at(-1)).toBe('closed')
  })
})
