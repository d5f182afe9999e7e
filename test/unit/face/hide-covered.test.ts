import { expect, test } from 'vitest'
import { mouthWatch } from '../../../handler/render/avatar/hide-covered.ts'
import type { FacePlacement, ScanOptions } from '../../../handler/render/avatar/avatar-cache.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import { fakeModels, landmarksOf } from '../../helpers/models/fake-models.ts'

const SIDE = 96
const FACTS = {
  ...{ width: SIDE, height: SIDE, pixelFormat: 'yuv420p', color: {} },
  rate: { num: 25, den: 1 },
} as VideoInfo
const OPTIONS: ScanOptions = { face: 'largest', mask: 'jaw' }
const { graphs, ...models } = fakeModels()
const lite = { ...models, graphs: { ...graphs, parse: undefined } } as never

/** A gray face; a black bar is before its lower half. */
function frame(hidden: boolean): Uint8Array {
  const bytes = new Uint8Array(SIDE * SIDE * 1.5).fill(128)
  return hidden ? bytes.fill(20, SIDE * 56, SIDE * 76) : bytes
}

test('nothing is drawn while the mouth is covered, and less beside it', () => {
  const watch = mouthWatch(FACTS, OPTIONS, lite)!
  const landmarks = Float32Array.from(landmarksOf([16, 16, 80, 80]))
  const placed: (FacePlacement | null)[] = []
  for (let i = 0; i < 100; i++) {
    watch.add(frame(i >= 50 && i < 60), { detected: [16, 16, 80, 80], landmarks, since: 1 })
    placed.push({ box: [16, 16, 80, 90], fade: 1, slot: i })
  }
  watch.hideCovered({ placed, fingerprints: [] })
  const fades = placed.map((placement) => placement?.fade ?? 0)
  expect(fades.slice(45, 51)).toEqual([1, 1, 0.75, 0.5, 0.25, 0])
  expect(fades.slice(50, 60)).toEqual(Array(10).fill(0))
  expect(fades.slice(59, 65)).toEqual([0, 0.25, 0.5, 0.75, 1, 1])
  expect(placed[70]!.slot).toBe(70)
})

test.each<[string, Partial<VideoInfo>, Partial<ScanOptions>]>([
  ['a still', { still: true }, {}],
  ["the job's own boxes", {}, { face: { boxes: [null] } }],
  ['the rules of the reference', {}, { compat: 'reference' }],
])('nothing is watched in %s', (_, facts, options) => {
  expect(mouthWatch({ ...FACTS, ...facts }, { ...OPTIONS, ...options }, lite)).toBeUndefined()
})

test('nothing is watched where a bundle parses faces', () => {
  const parsing = { ...models, graphs: { ...graphs, parse: {} } } as never
  expect(mouthWatch(FACTS, OPTIONS, parsing)).toBeUndefined()
})
