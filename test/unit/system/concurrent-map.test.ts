import { describe, expect, test } from 'vitest'
import { inGroups, mapConcurrent } from '../../../handler/system/concurrent-map.ts'

async function* numbers(count: number, failAt = -1) {
  for (let i = 0; i < count; i++) {
    if (i === failAt) throw new Error(`number ${i} cannot be made`)
    yield i
  }
}

describe('working on several items at once', () => {
  test('keeps their order, whichever is done first', async () => {
    const late = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    const done = mapConcurrent(3, numbers(6), async (i) => {
      late[i + 1]?.resolve() // each item waits for the one after it, but every third
      if (i % 3 < 2) await late[i + 1]!.promise
      return 10 * i
    })
    expect(await Array.fromAsync(done)).toEqual([0, 10, 20, 30, 40, 50])
  })
  test('never works on more than the wanted number', async () => {
    let [now, most] = [0, 0]
    const done = mapConcurrent(3, numbers(20), async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now--
    })
    await Array.fromAsync(done)
    expect(most).toBe(3)
  })
  test('fails in its turn, after the others that were begun have ended', async () => {
    const ended: number[] = []
    const got: number[] = []
    const all = async () => {
      const done = mapConcurrent(4, numbers(10), async (i) => {
        await new Promise(setImmediate)
        ended.push(i)
        if (i === 2) throw new Error('the third')
        return i
      })
      for await (const i of done) got.push(i)
    }
    await expect(all()).rejects.toThrow('the third')
    expect(got).toEqual([0, 1])
    expect(ended).toEqual([0, 1, 2, 3, 4, 5])
  })
  test('hands over what the source could not make', async () => {
    const done = mapConcurrent(2, numbers(10, 3), (i) => i)
    await expect(Array.fromAsync(done)).rejects.toThrow('number 3')
  })
})

describe('groups', () => {
  test('are full but for the last', async () => {
    expect(await Array.fromAsync(inGroups(3, numbers(7)))).toEqual([[0, 1, 2], [3, 4, 5], [6]])
    expect(await Array.fromAsync(inGroups(3, numbers(6)))).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ])
    expect(await Array.fromAsync(inGroups(3, numbers(0)))).toEqual([])
  })
})
