import { expect, test } from 'vitest'
import { isDrawable } from '../../../handler/render/face/face-plausibility.ts'
import { landmarksOf } from '../../helpers/models/fake-models.ts'

const UPRIGHT = landmarksOf([100, 100, 200, 200])

/** About the middle of the face: turned clockwise, degrees, and narrowed or mirrored across. */
function turned(degrees: number, across = 1): Float32Array {
  const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)]
  return Float32Array.from(UPRIGHT, (_, i) => {
    const [x, y] = [(UPRIGHT[i & ~1]! - 150) * across, UPRIGHT[i | 1]! - 150]
    return 150 + (i % 2 === 0 ? cos * x - sin * y : sin * x + cos * y)
  })
}

test.each([
  ['upright', 0, 1, true],
  ['leaning', 50, 1, true],
  ['leaning the other way', -50, 1, true],
  ['lying', 90, 1, false],
  ['lying the other way', -90, 1, false],
  ['on its head', 180, 1, false],
  ['in profile', 10, 0.15, true],
  ['mirrored, its right eye to the right', 0, -1, false],
])('a face %s', (_, degrees, across, drawable) => {
  expect(isDrawable(turned(degrees, across))).toBe(drawable)
})

test('eyes and mouth that say different things of what is up', () => {
  const landmarks = turned(0)
  for (let i = 42; i < 48; i++) landmarks[2 * i + 1]! += 40 // the left eye
  expect(isDrawable(landmarks)).toBe(false)
})
