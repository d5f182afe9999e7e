import { describe, expect, test } from 'vitest'
import {
  agreementWithSound,
  lipOpening,
  surestSpeaker,
} from '../../../handler/render/face/mouth/lip-motion.ts'
import { landmarksOf } from '../../helpers/models/fake-models.ts'

const LOOKS = 72
const looks = <T>(of: (i: number) => T) => Array.from({ length: LOOKS }, (_, i) => of(i))
const isSpoken = (i: number) => i % 24 >= 8
const levels = looks((i) => (isSpoken(i) ? -20 : -70))
const talking = looks((i) => (isSpoken(i) ? 0.05 + 0.04 * (i % 2) : 0.05))

describe('lips', () => {
  test('that move while the sound is loud, and rest in its pauses, move with it', () => {
    expect(agreementWithSound(talking, levels)).toBeGreaterThan(0.8)
  })
  test.each([
    ['rest', looks(() => 0.1)],
    ['hardly move', looks((i) => 0.1 + 0.0004 * (i % 2))],
    ['move all the time', looks((i) => 0.05 * (i % 2))],
    ['move in the pauses', looks((i) => (isSpoken(i) ? 0.01 : 0.01 + 0.04 * (i % 2)))],
    ['moved once', looks((i) => (i === 30 ? 0.03 : 0.01))],
    ['are not seen', looks(() => undefined)],
  ])('that %s do not', (_, openings) => {
    expect(agreementWithSound(openings, levels)).toBeLessThan(0.1)
  })
  test('are only compared from look to look', () => {
    const seen = talking.map((opening, i) => (i % 2 === 0 ? opening : undefined))
    expect(agreementWithSound(seen, levels)).toBe(0)
  })
  test('are further apart where a sound without pauses is louder, of whoever speaks it', () => {
    const mine = looks((i) => Math.sin(i) + Math.sin(0.37 * i))
    const other = looks((i) => Math.sin(0.8 * i + 1) + Math.sin(0.23 * i))
    const saying = (words: number[]) => words.map((word, i) => 0.03 + 0.01 * word + 0.005 * (i % 2))
    const sound = mine.map((word) => -15 + 3 * word)
    expect(agreementWithSound(saying(mine), sound)).toBeGreaterThan(0.8)
    expect(agreementWithSound(saying(other), sound)).toBeLessThan(0.3)
  })
  test('that are apart are measured by the face, whatever its size', () => {
    const [small, large] = [60, 180].map((side) => {
      const face = Float32Array.from(landmarksOf([0, 0, side, side]))
      for (const point of [61, 62, 63]) face[2 * point + 1]! -= side / 20
      for (const point of [65, 66, 67]) face[2 * point + 1]! += side / 20
      return lipOpening(face)
    })
    expect(small).toBeGreaterThan(0.05)
    expect(small).toBeCloseTo(large!, 4)
  })
})

test.each([
  [[0.9, 0], { index: 0, sureness: 1 }],
  [[0.3, 0.9, 0], { index: 1, sureness: 0.5 }],
  [[0.6, 0.6], { index: 0, sureness: 0 }],
  [[0.29, 0], { index: 0, sureness: 0 }],
  [[0, 0], { index: 0, sureness: 0 }],
])('who speaks, and how sure that is: %j', (agreements, expected) => {
  const { index, sureness } = surestSpeaker(agreements)
  expect({ index, sureness: Math.round(100 * sureness) / 100 }).toEqual(expected)
})
