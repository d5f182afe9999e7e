import { expect, test } from 'vitest'
import { durationOf } from '../../../handler/render/media/media-clock.ts'
import type { ProbeResult } from '../../../handler/render/media/media-info.ts'

const SOUND = { index: 0, kind: 'audio' } as const
const lasting = (durationS: number, about: Partial<ProbeResult>) =>
  durationOf({ ...SOUND, durationS }, { format: 'mpegts', streams: [], durationS, ...about })

test('timestamps of a broadcast that jump over hours tell no length', () => {
  expect(lasting(36_001, { bytes: 40_000 })).toBeUndefined()
  expect(lasting(59_445, { bytes: 40_000, format: 'mpeg' })).toBeUndefined()
})

test('a stream that was recorded from its tenth hour on lasts as long as was recorded', () => {
  expect(lasting(36_001, { bytes: 10_000, format: 'ogg' })).toBeUndefined()
  expect(lasting(36_001, { startS: 36_000, format: 'asf' })).toBe(1)
  expect(lasting(36_001, { startS: 36_000, format: 'matroska,webm' })).toBe(1)
})

test.each([
  ['the voice of a telephone', { bytes: 720_000 }, 600],
  ['a film', { bytes: 2e9 }, 5400],
  ['slides whose index says how long each is seen', { bytes: 9_000, format: 'mov,mp4' }, 3600],
  ['a file whose size nobody asked for', {}, 60],
])('%s tells its own', (_, about, durationS) => {
  expect(lasting(durationS, about)).toBe(durationS)
})
