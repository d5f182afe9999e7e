import { expect, test } from 'vitest'
import { chooseFrameRate, ownRate } from '../../../handler/render/media/frame-rate.ts'
import type { Rate, StreamInfo } from '../../../handler/render/media/media-info.ts'

const rate = (num: number, den = 1): Rate => ({ num, den })
const stream = (about: Partial<StreamInfo>): StreamInfo => ({ index: 0, kind: 'video', ...about })

test.each([
  ['Theora, whose still moments send no pictures', { codec: 'theora', base: rate(25) }, 25],
  ['a browser’s VP8, whose header has a clock for a rate', { codec: 'vp8', base: rate(1000) }, 17],
  ['a stream of an average', { codec: 'h264', average: rate(30), base: rate(60) }, 30],
])('the rate of %s', (_, about, expected) => {
  const measured = rate(16_667, 1000)
  const chosen = chooseFrameRate(stream(about), measured, false)
  expect(Math.round(chosen.num / chosen.den)).toBe(expected)
  const own = ownRate(stream(about), measured)
  expect(Math.round(own.num / own.den)).toBe(expected)
})
