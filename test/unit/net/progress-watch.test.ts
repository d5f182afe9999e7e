import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchProgress } from '../../../handler/net/progress-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('what does not begin to move is ended', () => {
  using watch = watchProgress(100)
  vi.advanceTimersByTime(99)
  expect(watch.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(watch.signal.aborted).toBe(true)
})

test('what moves may stand still for as long as it has moved, and for the limit at least', () => {
  using watch = watchProgress(100)
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(90)
    watch.moved()
  }
  vi.advanceTimersByTime(899)
  expect(watch.signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(watch.signal.aborted).toBe(true)
})

test('what is over is not ended', () => {
  const watch = watchProgress(100)
  watch[Symbol.dispose]()
  vi.advanceTimersByTime(1_000)
  expect(watch.signal.aborted).toBe(false)
})
