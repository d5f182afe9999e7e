import { describe, expect, test } from 'vitest'
import { holdIfStill } from '../../../handler/render/face/face-box.ts'
import { denoiseLandmarks } from '../../../handler/render/face/landmark-filter.ts'

const SIDE = 200
const FRAMES = 35
const MIDDLE = 17

/** Noise of about 0.2 px that is the same in every run. */
const noise = (i: number, t: number) => 0.28 * Math.sin(12.9898 * i + 78.233 * t * t)
const shot = (move: (t: number, i: number) => number) =>
  Array.from({ length: FRAMES }, (_, t) =>
    Float32Array.from({ length: 136 }, (_, i) => 100 + move(t, i) + noise(i, t)),
  )
const errors = (move: (t: number, i: number) => number, at = MIDDLE) =>
  Array.from(denoiseLandmarks(shot(move), at, 1, SIDE).map((value, i) => value - 100 - move(at, i)))
const rms = (values: number[]) =>
  Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length)

describe('landmarks over time', () => {
  test('of a face that rests lose most of their noise', () => {
    const raw = rms(Array.from({ length: 136 }, (_, i) => noise(i, MIDDLE)))
    expect(rms(errors(() => 0))).toBeLessThan(raw / 3)
  })
  test('do not lag behind a head that turns around', () => {
    const nod = (t: number) => 8 * Math.cos(((t - MIDDLE) * Math.PI) / 6)
    const plain = 8 * (1 - Math.exp(-0.5 * (Math.PI / 6) ** 2)) // what the narrowest mean takes
    const mean = errors(nod).reduce((sum, v) => sum + v) / 136
    expect(Math.abs(mean)).toBeLessThan(1.2 * plain)
  })
  test('of the eyes stay still while the lips move', () => {
    const speak = (t: number, i: number) => (i >= 96 && i % 2 === 1 ? 4 * Math.sin(t) : 0)
    expect(rms(errors(speak).slice(34, 96))).toBeLessThan(0.1)
  })
  test('of a shot of one frame are those of the frame', () => {
    const [only] = shot(() => 0)
    expect(denoiseLandmarks([only!], 0, 1, SIDE)).toEqual(only)
  })
})

test('a region rests until the face leaves it', () => {
  const before = [100, 100, 300, 300] as const
  expect(holdIfStill([103, 100, 300, 298], before)).toBe(before)
  expect(holdIfStill([105, 100, 305, 300], before)).toEqual([105, 100, 305, 300])
  expect(holdIfStill([105, 100, 305, 300], undefined)).toEqual([105, 100, 305, 300])
})
