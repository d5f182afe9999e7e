import { describe, expect, test } from 'vitest'
import { pingPongIndex, shownIndex } from '../../../../handler/render/frames/frame-schedule.ts'

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

const shown = (mode: 'loop' | 'remap', count: number, total: number) =>
  Array.from({ length: total }, (_, i) => shownIndex(mode, i, count, total))

test('a source that is looped starts again', () => {
  expect(shown('loop', 3, 8)).toEqual([0, 1, 2, 0, 1, 2, 0, 1])
  expect(shown('loop', 1, 3)).toEqual([0, 0, 0])
})

describe('a source that is remapped', () => {
  test('has each frame at its stretched time', () => {
    expect(shown('remap', 4, 8)).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
    expect(shown('remap', 8, 4)).toEqual([0, 2, 4, 6])
    expect(shown('remap', 5, 5)).toEqual([0, 1, 2, 3, 4])
  })
  test('never goes back, and is within a frame of the even speed', () => {
    for (const [count, total] of [
      [7, 13],
      [13, 7],
      [100, 99],
      [99, 100],
      [1, 25],
    ] as const) {
      const frames = shown('remap', count, total)
      expect(frames.toSorted((a, b) => a - b)).toEqual(frames)
      for (const [i, frame] of frames.entries()) {
        expect(Math.abs(frame - (i * count) / total)).toBeLessThan(1)
      }
    }
  })
})
