import { describe, expect, test } from 'vitest'
import { createRmsMeter, speechWeights } from '../../../handler/render/audio/silence-detection.ts'

const RATE = 16_000
const FPS25 = { num: 25, den: 1 }

/** Seconds of a tone at each amplitude in turn. */
function meter(...parts: [seconds: number, amplitude: number][]) {
  const loudness = createRmsMeter()
  for (const [seconds, amplitude] of parts) {
    const length = Math.round(seconds * RATE)
    const tone = (_: unknown, i: number) => amplitude * Math.sin(i / 5)
    loudness.add(Float32Array.from({ length }, tone))
  }
  return loudness.finish()
}

test('a level is the rms of 10 ms, in dBFS', () => {
  const { levels } = meter([1, 1], [0.5, 0.1])
  expect(levels).toHaveLength(150)
  expect(levels[50]).toBeCloseTo(-3, 0)
  expect(levels[120]).toBeCloseTo(-23, 0)
})

test('pieces of any size give the same levels', () => {
  const samples = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i / 7))
  const whole = createRmsMeter()
  whole.add(samples)
  const cut = createRmsMeter()
  for (let at = 0; at < 4000; at += 77) cut.add(samples.subarray(at, at + 77))
  expect(cut.finish()).toEqual(whole.finish())
})

describe('the mouth', () => {
  test('shows all the time where there is no pause', () => {
    expect([...speechWeights(meter([2, 0.5]), 50, FPS25)]).toEqual(Array(50).fill(1))
  })
  test('goes in a pause of half a second or more, softly at both ends', () => {
    const weights = speechWeights(meter([1, 0.5], [1, 0], [1, 0.5]), 75, FPS25)
    expect([...weights.slice(0, 25)]).toEqual(Array(25).fill(1))
    expect(weights[28]).toBeGreaterThan(0)
    expect(weights[28]).toBeLessThan(1)
    expect([...weights.slice(32, 43)]).toEqual(Array(11).fill(0))
    expect(weights[47]).toBeGreaterThan(0)
    expect([...weights.slice(50)]).toEqual(Array(25).fill(1))
  })
  test('stays through a shorter one', () => {
    const weights = speechWeights(meter([1, 0.5], [0.4, 0], [1, 0.5]), 60, FPS25)
    expect(Math.min(...weights)).toBe(1)
  })
  test('is away from the first frame on where the recording starts with silence', () => {
    const weights = speechWeights(meter([1, 0], [1, 0.5]), 50, FPS25)
    expect([...weights.slice(0, 18)]).toEqual(Array(18).fill(0))
  })
  test('is away to the last frame where it ends with silence', () => {
    const weights = speechWeights(meter([1, 0.5], [1, 0]), 60, FPS25)
    expect([...weights.slice(32)]).toEqual(Array(28).fill(0))
  })
  test('is not woken by hiss 30 dB below the voice', () => {
    const weights = speechWeights(meter([1, 0.5], [1, 0.005], [1, 0.5]), 75, FPS25)
    expect(weights[37]).toBe(0)
  })
  test('shows for a recording that is quiet throughout', () => {
    expect(Math.min(...speechWeights(meter([2, 0.02]), 50, FPS25))).toBe(1)
  })
  test('never shows in silence throughout', () => {
    expect(Math.max(...speechWeights(meter([2, 0]), 50, FPS25))).toBe(0)
  })
})
