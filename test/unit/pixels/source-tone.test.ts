import { describe, expect, test } from 'vitest'
import { coefficients } from '../../../models/pixels/color/color-matrix.ts'
import { toneOf, withTone } from '../../../models/pixels/color/source-tone.ts'

const SIDE = 64
const WHOLE = [0, 0, SIDE, SIDE] as const
type Rgb = readonly [number, number, number]

/** Soft light and shade; skin, lips and hair in color. */
const light = (x: number, y: number) => 140 + 60 * Math.sin(x / 19) * Math.cos(y / 23)
const colored = (x: number, y: number): Rgb => {
  const level = light(x, y)
  if (y < 16) return [0.4 * level, 0.38 * level, 0.42 * level]
  const [r, g, b] = x > 20 && x < 44 && y > 40 && y < 52 ? [1.15, 0.7, 0.75] : [1.2, 0.95, 0.8]
  return [r * level, g * level, b * level]
}
const grayed = (x: number, y: number): Rgb => Array(3).fill(light(x, y)) as unknown as Rgb
const tinted = (x: number, y: number): Rgb => {
  const level = light(x, y)
  return [1.12 * level, level, 0.78 * level]
}
const faded =
  (share: number) =>
  (x: number, y: number): Rgb => {
    const [r, g, b] = colored(x, y)
    const gray = 0.299 * r + 0.587 * g + 0.114 * b
    return [r, g, b].map((value) => gray + share * (value - gray)) as unknown as Rgb
  }

function painted(picture: (x: number, y: number) => Rgb): Uint8Array {
  const rgb = new Uint8ClampedArray(3 * SIDE * SIDE)
  for (let i = 0; i < SIDE * SIDE; i++) rgb.set(picture(i % SIDE, Math.floor(i / SIDE)), 3 * i)
  return new Uint8Array(rgb.buffer)
}
const layout = { width: SIDE, height: SIDE }
const freedomOf = (picture: (x: number, y: number) => Rgb) =>
  toneOf(painted(picture), layout, WHOLE).freedom

/** A mouth as it is drawn for any picture: 256x256 of red. */
const mouth = () => Uint8Array.from({ length: 3 * 256 * 256 }, (_, i) => [170, 70, 60][i % 3]!)

describe('what has a color of its own', () => {
  test('all of a color film', () => expect(freedomOf(colored)).toBe(1))
  test('nothing in a film without color', () => expect(freedomOf(grayed)).toBe(0))
  test('nothing in a film of one color', () => expect(freedomOf(tinted)).toBe(0))
  test('less where color has faded', () => {
    const shares = [0.1, 0.2, 0.3].map((share) => freedomOf(faded(share)))
    expect(shares.toSorted((a, b) => a - b)).toEqual(shares)
    expect(shares[0]).toBeGreaterThan(0.05)
    expect(shares[2]).toBeLessThan(0.95)
  })
  test('nothing where chroma is only noise', () => {
    const noisy = (x: number, y: number): Rgb => {
      const [r, g, b] = grayed(x, y)
      return [r + ((x * 31 + y * 17) % 9) - 4, g, b + ((x * 13 + y * 29) % 9) - 4]
    }
    expect(freedomOf(noisy)).toBeLessThan(0.15)
  })
})

describe('a drawn face', () => {
  test('is the same object in a color film', () => {
    const face = mouth()
    expect(withTone(face, toneOf(painted(colored), layout, WHOLE))).toBe(face)
  })
  test('is gray, and as bright as before, in a film without color', () => {
    const [r, g, b] = withTone(mouth(), toneOf(painted(grayed), layout, WHOLE))
    const bright = Math.round(0.299 * 170 + 0.587 * 70 + 0.114 * 60)
    expect([r, g, b]).toEqual([bright, bright, bright])
  })
  test('has the tint of the film', () => {
    const [r, g, b] = withTone(mouth(), toneOf(painted(tinted), layout, WHOLE))
    expect(r! / g!).toBeCloseTo(1.12, 1)
    expect(b! / g!).toBeCloseTo(0.78, 1)
  })
})

test('planar frames are measured like RGB', () => {
  const color = coefficients({ matrix: 'bt601', range: 'limited' })
  const frame = new Uint8Array(1.5 * SIDE * SIDE)
  for (let i = 0; i < SIDE * SIDE; i++) {
    const [x, y] = [i % SIDE, i >> 6]
    const [r, g, b] = tinted(x, y)
    const at = SIDE * SIDE + (y >> 1) * (SIDE / 2) + (x >> 1)
    frame[i] = Math.round(16 + (219 / 255) * (0.299 * r + 0.587 * g + 0.114 * b))
    frame[at] = Math.round(128 + (224 / 255) * (-0.169 * r - 0.331 * g + 0.5 * b))
    frame[at + (SIDE * SIDE) / 4] = Math.round(
      128 + (224 / 255) * (0.5 * r - 0.419 * g - 0.081 * b),
    )
  }
  const { curve, freedom } = toneOf(frame, { ...layout, color }, WHOLE)
  expect(freedom).toBe(0)
  for (const [y, b, r] of curve) {
    expect(b / y).toBeCloseTo(0.78 / 1.011 - 1, 1.5)
    expect(r / y).toBeCloseTo(1.12 / 1.011 - 1, 1.5)
  }
})

test('what of a box leaves the frame does not count', () => {
  const inside = toneOf(painted(colored), layout, WHOLE)
  expect(toneOf(painted(colored), layout, [-40, -9, SIDE + 30, SIDE + 8])).toEqual(inside)
})
