import { describe, expect, test } from 'vitest'
import { coveredFrames, type SeenMouth } from '../../../handler/render/face/mouth/covered-mouth.ts'
import { mouthSamples, SAMPLES } from '../../../handler/render/face/mouth/mouth-samples.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import { landmarksOf } from '../../helpers/models/fake-models.ts'

const RATE = { num: 25, den: 1 }

/** A mouth that talks a little; a share of it is hidden by something dark. */
const mouth = (frame: number, hidden = 0, since = 1): SeenMouth => ({
  since,
  samples: Uint8Array.from({ length: SAMPLES }, (_, k) =>
    k < hidden * SAMPLES ? 20 : 110 + (k % 9) + 3 * Math.sin(frame + k),
  ),
})
const clip = (frames: number, of: (i: number) => SeenMouth | undefined) =>
  coveredFrames(Array.from({ length: frames }, (_, i) => of(i)), RATE) // prettier-ignore
const runs = (covered: readonly boolean[]) => covered.flatMap((is, i) => (is ? [i] : []))
const numbers = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, i) => from + i)

describe('a mouth', () => {
  test('that only talks is never covered', () => {
    expect(runs(clip(200, (i) => mouth(i)))).toEqual([])
  })

  test('is covered as long as a part of it looks otherwise than usual, its edges included', () => {
    const share = (i: number) => (i < 80 || i > 100 ? 0 : i === 80 || i === 100 ? 0.08 : 0.3)
    expect(runs(clip(200, (i) => mouth(i, share(i))))).toEqual(numbers(80, 101))
  })

  test('is not covered by one strange frame, nor by a finger', () => {
    const share = (i: number) => (i === 50 ? 0.5 : i > 100 ? 0.05 : 0)
    expect(runs(clip(200, (i) => mouth(i, share(i))))).toEqual([])
  })

  test('stays covered through a moment in which it is seen', () => {
    const isHidden = (i: number) => i >= 80 && i < 100 && (i < 88 || i > 90)
    expect(runs(clip(200, (i) => mouth(i, isHidden(i) ? 0.4 : 0)))).toEqual(numbers(80, 100))
  })

  test('is not covered by what is always there', () => {
    expect(runs(clip(200, (i) => mouth(i, i < 20 ? 0 : 0.3)))).toEqual(numbers(0, 20))
    expect(runs(clip(200, (i) => mouth(i, 0.3)))).toEqual([])
  })

  test('looks otherwise in another shot, and after a while in other light', () => {
    expect(runs(clip(200, (i) => mouth(i, i < 150 ? 0 : 0.5, i < 150 ? 1 : 2)))).toEqual([])
    const brighter = (i: number) => {
      const { samples, since } = mouth(i)
      return { samples: samples.map((value) => value + i / 20), since }
    }
    expect(runs(clip(2000, brighter))).toEqual([])
  })

  test('that is seen for a moment only is not known', () => {
    expect(runs(clip(20, (i) => mouth(i, i > 15 ? 0.5 : 0)))).toEqual([])
  })

  test('that is not seen is not covered', () => {
    const isHidden = (i: number) => i >= 80 && i < 100
    const covered = clip(200, (i) => (i === 90 ? undefined : mouth(i, isHidden(i) ? 0.4 : 0)))
    expect(runs(covered)).toEqual(numbers(80, 100).filter((i) => i !== 90))
  })
})

describe('samples of a mouth', () => {
  const facts = (pixelFormat: 'yuv420p' | 'rgb24') =>
    ({ width: 96, height: 96, pixelFormat, color: {} }) as VideoInfo
  const face = Float32Array.from(landmarksOf([16, 16, 80, 80]))
  const frame = (luma: number) => {
    const bytes = new Uint8Array(96 * 96 * 1.5).fill(120)
    return bytes.fill(luma, 0, 96 * 96)
  }

  test('do not depend on the light', () => {
    const [bright, dim] = [216, 116].map((luma) =>
      mouthSamples(frame(luma), facts('yuv420p'), face),
    )
    expect(bright).toEqual(dim)
    expect(bright!.slice(0, 3)).toEqual(Uint8Array.of(100, 128, 128))
  })

  test('are the same in RGB', () => {
    const gray = new Uint8Array(96 * 96 * 3).fill(150)
    expect(mouthSamples(gray, facts('rgb24'), face)).toEqual(
      mouthSamples(frame(150), facts('yuv420p'), face),
    )
  })
})
