import { describe, expect, test } from 'vitest'
import type { Region } from '../../../handler/render/face/face-box.ts'
import { smoothTrack, passThroughTrack } from '../../../handler/render/face/smooth-track.ts'
import type { FaceDetection } from '../../../handler/render/face/face-box.ts'
import type { Tracked } from '../../../handler/render/face/tracked-face.ts'
import { landmarksOf } from '../../helpers/models/fake-models.ts'

const FPS25 = { num: 25, den: 1 }
const face = (x: number, side = 100): FaceDetection => {
  const square: Region = [x, 50, x + side, 50 + side]
  return { detected: square, landmarks: Float32Array.from(landmarksOf(square)) }
}
const still = () => face(100)

interface Frame extends Tracked {
  index: number
}
async function* script(
  length: number,
  seen: (i: number) => FaceDetection | undefined,
  pulled = [0],
) {
  for (let index = 0; index < length; index++) {
    pulled[0] = index + 1
    yield { index, seen: seen(index), hidden: false } satisfies Frame
  }
}
const settled = (
  length: number,
  seen: (i: number) => FaceDetection | undefined,
  rate = FPS25,
  most = 100,
) => Array.fromAsync(smoothTrack(script(length, seen), rate, most))

/** Numbers of the frames that have a face after settling. */
const drawn = (frames: { index: number; face: unknown }[]) =>
  frames.filter(({ face }) => face).map(({ index }) => index)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('the region over time', () => {
  test('of a face that stays is the face', async () => {
    for (const { face } of await settled(40, still)) {
      expect(face!.region).toEqual([100, 50, 200, 150].map((v) => expect.closeTo(v, 6)))
      expect(face!.fade).toBe(1)
    }
  })
  test('does not shake with the detector', async () => {
    const shaking = await settled(60, (i) => face(100 + (i % 2 ? 4 : -4)))
    for (const { face } of shaking.slice(10, 50)) {
      expect(Math.abs(face!.region[0] - 100)).toBeLessThan(1)
    }
  })
  test('follows a steady walk without lagging', async () => {
    const walking = await settled(60, (i) => face(100 + 3 * i))
    for (const { face, index } of walking.slice(10, 50)) {
      expect(face!.region[0]).toBeCloseTo(100 + 3 * index, 4)
    }
  })
  test('keeps the landmarks on lips that open at once', async () => {
    const open = (i: number): FaceDetection => {
      const seen = still()
      if (i >= 20) seen.landmarks[2 * 57 + 1]! += 10 // the lower lip
      return seen
    }
    const lip = (await settled(40, open)).map(({ face }) => face!.landmarks()[2 * 57 + 1]!)
    expect(lip[23]! - lip[16]!).toBeGreaterThan(9.5)
  })
  test('jumps at a cut, and neither shot knows of the other', async () => {
    const frames = await settled(40, (i) => face(i < 20 ? 100 : 400))
    expect(frames[19]!.face!.region[0]).toBeCloseTo(100, 6)
    expect(frames[20]!.face!.region[0]).toBeCloseTo(400, 6)
  })
})

describe('another piece of the track, in the same place,', () => {
  const jump = (i: number): FaceDetection => ({
    ...face(i < 20 ? 100 : 112),
    track: i < 20 ? 1 : 2,
  })

  test('shares neither region nor landmarks with the one before', async () => {
    const frames = await settled(40, jump)
    for (const { face: drawn, index } of frames) {
      const at = index < 20 ? 100 : 112
      expect(drawn!.region[0]).toBeCloseTo(at, 6)
      expect(drawn!.landmarks()[0]).toBeCloseTo(at, 4)
      expect(drawn!.fade).toBe(1)
    }
  })
  test('is not bridged to', async () => {
    const seen = (i: number) => (i >= 18 && i < 22 ? undefined : jump(i))
    expect(drawn(await settled(40, seen))).toEqual([...range(0, 18), ...range(22, 40)])
  })
  test('has a box of its own, however near', async () => {
    const near = (i: number): FaceDetection => ({ ...face(100 + i / 25), track: i < 20 ? 1 : 2 })
    const frames = await settled(40, near)
    expect(frames[19]!.face!.region).toEqual(frames[0]!.face!.region)
    expect(frames[20]!.face!.region).not.toEqual(frames[19]!.face!.region)
  })
  test('rests where it does for whoever begins later, after eight seconds at most', async () => {
    const sway = (i: number) => face(100 + 3 * Math.sin(i / 30))
    const regions = async (from: number, to: number) => {
      const frames = script(to - from, (i) => sway(from + i))
      const smoothed = await Array.fromAsync(smoothTrack(frames, FPS25, 100, from))
      return smoothed.map((each) => each.face!.region)
    }
    const whole = await regions(0, 500)
    expect(new Set(whole.map(String)).size).toBeLessThan(25)
    const part = await regions(150, 500)
    expect(part.slice(0, 50)).not.toEqual(whole.slice(150, 200))
    expect(part.slice(50)).toEqual(whole.slice(200))
  })
})

test('a face that is hidden in some frames of a gap is not drawn on what hides it', async () => {
  async function* frames() {
    for (let index = 0; index < 40; index++) {
      const gone = index >= 20 && index < 26
      yield { index, seen: gone ? undefined : still(), hidden: gone && index !== 22 }
    }
  }
  const smoothed = await Array.fromAsync(smoothTrack(frames(), FPS25, 100))
  expect(drawn(smoothed)).toEqual([...range(0, 20), ...range(26, 40)])
})

describe('a gap', () => {
  const gap = (from: number, to: number) => (i: number) =>
    i >= from && i < to ? undefined : still()

  test('of up to half a second is bridged', async () => {
    expect(drawn(await settled(60, gap(20, 32)))).toEqual(range(0, 60))
  })
  test('moves evenly from one side to the other', async () => {
    const across = await settled(60, (i) => (i >= 20 && i < 30 ? undefined : face(100 + 2 * i)))
    expect(across[25]!.face!.region[0]).toBeCloseTo(150, 0)
    expect(across[25]!.face!.landmarks()[0]).toBeCloseTo(150, 0)
  })
  test('of more is not', async () => {
    expect(drawn(await settled(70, gap(20, 40)))).toEqual([...range(0, 20), ...range(40, 70)])
  })
  test('between two shots is not', async () => {
    const seen = (i: number) => (i >= 20 && i < 25 ? undefined : face(i < 20 ? 100 : 400))
    expect(drawn(await settled(50, seen))).toEqual([...range(0, 20), ...range(25, 50)])
  })
  test('at the beginning or the end has only one side', async () => {
    const middle = (i: number) => (i < 5 || i >= 30 ? undefined : still())
    expect(drawn(await settled(35, middle))).toEqual(range(5, 30))
  })
  test('fades the mouth out before it and in after it', async () => {
    const frames = await settled(70, gap(20, 40))
    const fades = frames.map(({ face }) => face?.fade)
    expect(fades.slice(16, 20)).toEqual([1, 0.75, 0.5, 0.25])
    expect(fades.slice(40, 44)).toEqual([0.25, 0.5, 0.75, 1])
  })
  test('never shifts a number', async () => {
    const frames = await settled(200, (i) => (i % 37 < 20 ? still() : undefined))
    expect(frames.map(({ index }) => index)).toEqual(range(0, 200))
  })
})

describe('memory', () => {
  test.each([
    [25, 100, 18],
    [120, 100, 84],
    [25, 6, 6],
    [25, 1, 1],
    [25, 0, 0],
  ])('at %i fps with room for %i frames, %i are held', async (fps, most, expected) => {
    const pulled = [0]
    let held = 0
    for await (const { index } of smoothTrack(
      script(300, still, pulled),
      { num: fps, den: 1 },
      most,
    )) {
      held = Math.max(held, pulled[0]! - index - 1)
    }
    expect(held).toBe(expected)
  })
})

test('frame by frame, the box of the job is taken as it is and the rest by the rule', async () => {
  const given: FaceDetection = { ...still(), detected: [1, 2, 30, 40], boxFromJob: true }
  const frames = script(3, (i) => [given, still(), undefined][i])
  const regions = (await Array.fromAsync(passThroughTrack(frames))).map(({ face }) => face?.region)
  expect(regions).toEqual([[1, 2, 30, 40], [100, 50, 200, 150], undefined])
})
