import { describe, expect, test } from 'vitest'
import { pingPongIndex } from '../../../handler/render/frames/ping-pong.ts'

describe('a source plays to its end and back', () => {
  test('both ends twice', () => {
    const shown = Array.from({ length: 14 }, (_, i) => pingPongIndex(i, 4))
    expect(shown).toEqual([0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2])
  })
  test('a single frame stays', () => {
    expect(Array.from({ length: 5 }, (_, i) => pingPongIndex(i, 1))).toEqual([0, 0, 0, 0, 0])
  })
  test('no step is larger than one frame, at any length', () => {
    for (const count of [1, 2, 3, 50, 997]) {
      for (let i = 1; i < 4 * count + 3; i++) {
        const step = Math.abs(pingPongIndex(i, count) - pingPongIndex(i - 1, count))
        expect(step).toBeLessThanOrEqual(1)
      }
    }
  })
})
