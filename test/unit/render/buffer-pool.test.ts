import { describe, expect, test } from 'vitest'
import { BufferPool } from '../../../handler/render/buffer-pool.ts'

const MIB = 2 ** 20

describe('buffers that are used again', () => {
  test('lie in memory that threads share', () => {
    const taken = new BufferPool().take(MIB)
    expect(taken.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(taken).toHaveLength(MIB)
  })
  test('are handed out again once they were given back, to whoever wants about that size', () => {
    const pool = new BufferPool()
    const { buffer } = pool.take(MIB)
    expect(pool.take(MIB).buffer).not.toBe(buffer)
    pool.give(new Uint8Array(buffer))
    expect(pool.take(2 * MIB).buffer).not.toBe(buffer)
    const again = pool.take(MIB - 1000)
    expect(again.buffer).toBe(buffer)
    expect(again).toHaveLength(MIB - 1000)
    expect(pool.take(MIB).buffer).not.toBe(buffer)
  })
  test('are at most an eighth larger than what was asked for', () => {
    for (const bytes of [1.5 * MIB + 1, 3_110_400, 5_000_001]) {
      expect(new BufferPool().take(bytes).buffer.byteLength).toBeLessThanOrEqual(1.125 * bytes)
    }
  })
  test('are dropped where too many lie idle, the sizes of earlier jobs first', () => {
    const pool = new BufferPool(5 * MIB)
    const [small, large] = [pool.take(MIB), [1, 2, 3].map(() => pool.take(2 * MIB))]
    pool.give(small)
    for (const buffer of large) pool.give(buffer)
    expect(pool.take(MIB).buffer).not.toBe(small.buffer)
    const known = new Set(large.map(({ buffer }) => buffer))
    const again = [1, 2, 3].filter(() => known.has(pool.take(2 * MIB).buffer))
    expect(again).toHaveLength(2)
  })
})
