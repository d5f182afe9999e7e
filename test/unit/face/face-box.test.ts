import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  cropBoxOf,
  faceRegionFromLandmarks,
  toCropCoordinates,
  referenceRegion,
} from '../../../handler/render/face/face-box.ts'
import { landmarksOf } from '../../helpers/models/fake-models.ts'
import { golden } from '../../helpers/fixture-paths.ts'

type Region = readonly [number, number, number, number]
interface Case {
  name: string
  landmarks: [number, number][] | null
  s3fd: Region | null
  bbox_shift?: number
  result: Region | string
}
const { cases } = JSON.parse(readFileSync(golden('boxes/boxes.json'), 'utf8')) as { cases: Case[] }

describe("MuseTalk's box rule, every case of the reference", () => {
  test('there are 15 of them', () => expect(cases).toHaveLength(15))
  const seen = cases.filter(({ s3fd, landmarks }) => s3fd && landmarks)
  test.each(seen)('$name', ({ landmarks, s3fd, bbox_shift, result }) => {
    const region = referenceRegion(landmarks!.flat(), s3fd!, bbox_shift)
    expect(region.map((value) => value + 0)).toEqual(result) // -0 is 0
  })
  test('where the detector sees nothing there is no box', () => {
    const none = cases.filter(({ s3fd }) => !s3fd)
    expect(none.length).toBeGreaterThan(0)
    for (const { result } of none)
      if (typeof result !== 'string') expect(result).toEqual([0, 0, 0, 0])
  })
})

describe('the crop', () => {
  const frame = { width: 640, height: 480 }
  const margin = { chin_margin_px: 10, chin_margin_share: 0.1 }

  test('is the square of landmarks with room for the chin', () => {
    const region = faceRegionFromLandmarks(Float32Array.from(landmarksOf([100, 50, 300, 250])))
    expect(region).toEqual([100, 50, 300, 250])
    expect(cropBoxOf(region, margin, frame)).toEqual([100, 50, 300, 270])
  })
  test('of a small face has at least 10 px for it', () => {
    expect(cropBoxOf([100, 50, 140, 90], margin, frame)).toEqual([100, 50, 140, 100])
  })
  test('stays inside the frame', () => {
    expect(cropBoxOf([-30, -20, 700, 470], margin, frame)).toEqual([0, 0, 640, 480])
  })
  test('is none where less than 16 px of it would be left', () => {
    expect(cropBoxOf([630, 100, 800, 300], margin, frame)).toBeUndefined()
    expect(cropBoxOf([-100, 100, 5, 300], margin, frame)).toBeUndefined()
  })
  test('scales landmarks to 256 px', () => {
    const corner = toCropCoordinates(Float32Array.from([100, 50, 300, 270]), [100, 50, 300, 270])
    expect(corner[1]! - corner[0]!).toBeCloseTo(0, 0)
    expect(corner[2]! - corner[0]!).toBeCloseTo(256, 0)
    expect(corner[3]! - corner[1]!).toBeCloseTo(256, 0)
  })
})
