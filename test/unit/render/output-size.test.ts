import { expect, test } from 'vitest'
import type { OutputFrame } from '../../../handler/render/output-frame.ts'
import { assertOutputSize, outputSize } from '../../../handler/render/encode/output-size.ts'

const HD = { width: 1920, height: 1080 }

test.each<[OutputFrame, number, number]>([
  [{ fit: 'source' }, 1920, 1080],
  [{ fit: 'contain', ratio: 1 }, 1920, 1920],
  [{ fit: 'cover', ratio: 1 }, 1080, 1080],
  [{ fit: 'stretch', ratio: 1 }, 1080, 1080],
  [{ fit: 'contain', ratio: 9 / 16 }, 1920, 3414],
  [{ fit: 'cover', ratio: 9 / 16 }, 608, 1080],
  [{ fit: 'cover', width: 1000, height: 200 }, 1000, 200],
])('%o of 1920x1080 is %i x %i', (frame, width, height) => {
  expect(outputSize(HD, frame)).toEqual({ width, height })
})

test('a result may have as many pixels as an input, and is refused with one more', () => {
  const square: OutputFrame = { fit: 'contain', ratio: 1 }
  expect(() => assertOutputSize(HD, square, 1920 * 1920)).not.toThrow()
  expect(() => assertOutputSize(HD, square, 1920 * 1920 - 1)).toThrow(
    expect.objectContaining({
      code: 'MEDIA_TOO_LARGE',
      message: 'the result would be 1920x1920 px; the limit is 3686399 pixels',
    }),
  )
  // What is as large as its source was judged with it.
  expect(() => assertOutputSize(HD, { fit: 'source' }, 1)).not.toThrow()
})

test('no side is longer than video can have', () => {
  const ribbon = { width: 129_600, height: 64 }
  expect(() => assertOutputSize(ribbon, { fit: 'source' }, 129_600 * 64)).toThrow(
    expect.objectContaining({
      code: 'MEDIA_TOO_LARGE',
      message: 'the result would be 129600x64 px; a side may have 16384',
    }),
  )
  expect(() => assertOutputSize(HD, { fit: 'cover', width: 16_384, height: 64 }, 2e6)).not.toThrow()
})
