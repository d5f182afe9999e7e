import { expect, test } from 'vitest'
import {
  choiceInFrames,
  firstShowing,
  takenFace,
} from '../../../handler/render/face/face-choice.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'

const RATE = { num: 25, den: 1 }
const facts = (changes: Partial<VideoInfo> = {}): VideoInfo =>
  ({
    ...{ still: false, rate: RATE, ownRate: RATE, scale: 1, width: 320, height: 240 },
    ...changes,
  }) as VideoInfo
const first = { frame: 7, region: [10.4, -3, 50.6, 260] as const, score: 0.98765 }

test('a point is scaled with a still that was too large', () => {
  const face = choiceInFrames({ at: [100, 50], frame: 0 }, facts({ scale: 0.5, still: true }))
  expect(face).toEqual({ at: [50, 25], frame: 0 })
})

test.each([
  [0, {}, 0],
  [12, {}, 12],
  [12, { rate: { num: 50, den: 1 } }, 24],
  [13, { rate: { num: 25, den: 2 } }, 7],
  [12, { trim: { first: 10 } }, 2],
  [5, { trim: { first: 10 } }, -5],
  [40, { still: true }, 0],
])('frame %s of the source, with %j, is frame %s', (frame, changes, expected) => {
  expect(firstShowing(frame, facts(changes))).toBe(expected)
})

test('the face that was taken is told in pixels and frames of the source', () => {
  const face = takenFace({ at: [20, 20] }, first, facts({ trim: { first: 10 } }))
  expect(face).toEqual({ chosen: 'at', frame: 17, box: [10, 0, 51, 240], confidence: 0.988 })
  const scaled = takenFace('largest', first, facts({ scale: 0.5, still: true }))
  expect(scaled).toMatchObject({ chosen: 'largest', frame: 0, box: [21, 0, 101, 480] })
  expect(takenFace('largest', undefined, facts())).toBeUndefined()
})

test('who speaks is told with how sure that is, or that it was the largest', () => {
  const surely = takenFace('speaking', { ...first, sureness: 0.61849 }, facts())
  expect(surely).toMatchObject({ chosen: 'speaking', sureness: 0.618 })
  expect(takenFace('speaking', first, facts())).toEqual(takenFace('largest', first, facts()))
})
