import { describe, expect, test } from 'vitest'
import {
  appearanceIn,
  difference,
  similarity,
} from '../../../handler/render/face/person/face-appearance.ts'
import type { Region } from '../../../handler/render/face/face-box.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'

const [WIDTH, HEIGHT] = [160, 120]
const REGION: Region = [40, 30, 100, 90]
const facts = (pixelFormat: string) =>
  ({ width: WIDTH, height: HEIGHT, pixelFormat, color: {} }) as VideoInfo

type Color = readonly [r: number, g: number, b: number]
type Picture = (x: number, y: number) => Color
/** Soft blobs that depend on who it is. */
const person =
  (who: number, light = 1): Picture =>
  (x, y) => {
    const level = light * (120 + 60 * Math.sin(x / (7 + who) + who) * Math.cos(y / (9 - who)))
    return [level, 0.9 * level, (0.7 + 0.1 * who) * level]
  }

function look(picture: Picture, region = REGION, as: 'rgb24' | 'yuv420p' = 'rgb24') {
  const frame = new Uint8Array(as === 'rgb24' ? 3 * WIDTH * HEIGHT : 1.5 * WIDTH * HEIGHT)
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const [r, g, b] = picture(x, y)
      const at = y * WIDTH + x
      if (as === 'rgb24') {
        frame.set([r, g, b], 3 * at)
        continue
      }
      const chroma = (y >> 1) * (WIDTH >> 1) + (x >> 1)
      frame[at] = 0.299 * r + 0.587 * g + 0.114 * b
      frame[WIDTH * HEIGHT + chroma] = 128 - 0.169 * r - 0.331 * g + 0.5 * b
      frame[1.25 * WIDTH * HEIGHT + chroma] = 128 + 0.5 * r - 0.419 * g - 0.081 * b
    }
  }
  return appearanceIn(frame, facts(as))(region)
}

describe('a face looks like', () => {
  const anna = look(person(0))
  test('itself', () => {
    expect(similarity(anna, look(person(0)))).toBeCloseTo(1, 6)
    expect(difference(anna, look(person(0)))).toBe(0)
  })
  test('itself in other light', () => {
    expect(similarity(anna, look(person(0, 0.6)))).toBeGreaterThan(0.9)
  })
  test('itself a little aside', () => {
    const aside: Picture = (x, y) => person(0)(x - 2, y)
    expect(similarity(anna, look(aside))).toBeGreaterThan(0.85)
  })
  test('itself at another place and size', () => {
    const far: Picture = (x, y) => person(0)(2 * (x - 40) + 40, 2 * (y - 30) + 30)
    expect(similarity(anna, look(far, [40, 30, 70, 60]))).toBeGreaterThan(0.95)
  })
  test('itself in planar frames', () => {
    expect(similarity(anna, look(person(0), REGION, 'yuv420p'))).toBeGreaterThan(0.97)
  })
  test('nobody else, and no wall', () => {
    expect(similarity(anna, look(person(2)))).toBeLessThan(0.4)
    expect(
      similarity(
        anna,
        look(() => [120, 110, 90]),
      ),
    ).toBeLessThan(0.1)
  })
})

test('a region may leave the frame', () => {
  const seen = look(person(1), [-40, 80, 40, 160])
  expect(seen.luma.every((value) => value > 0 && value < 255)).toBe(true)
})
