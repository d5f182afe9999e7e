import { describe, expect, test } from 'vitest'
import { bilinearPlan, resizeBilinear } from '../../reference/resize-bilinear.ts'
import { type Image, copy, crop, image } from '../../../models/pixels/image.ts'
import { lanczosPlan, resizeLanczos4 } from '../../reference/resize-lanczos.ts'
import { resizePillow } from '../../reference/resize-pillow.ts'
import { crc, noise, pattern, pixel, sum } from '../../helpers/media/test-pattern.ts'

type Resize = (src: Image, dst: Image) => void
const lanczos: Resize = (src, dst) => resizeLanczos4(src, dst)
const bilinear: Resize = (src, dst) => resizeBilinear(src, dst)
const pillowBilinear: Resize = (src, dst) => resizePillow(src, dst, 'bilinear')
const pillowBicubic: Resize = (src, dst) => resizePillow(src, dst, 'bicubic')

function resized(src: Image, width: number, height: number, resize: Resize): Image {
  const dst = image(width, height, src.channels)
  resize(src, dst)
  return dst
}

describe('the test picture', () => {
  test.each([
    [260, 300, '41ad75e0'],
    [256, 256, '4c0d91e3'],
    [466, 466, '05fdc602'],
    [700, 700, '11f6025d'],
    [640, 360, 'bdc8a49d'],
    [512, 512, 'd447bb13'],
    [270, 480, 'ec8c81cc'],
  ])('%i x %i has its checksum', (width, height, expected) => {
    expect(crc(pattern(width, height))).toBe(expected)
  })
})

test('Lanczos to 256x256 equals OpenCV', () => {
  const out = resized(pattern(260, 300), 256, 256, lanczos)
  expect(pixel(out, 0, 0)).toEqual([1, 30, 59])
  expect(pixel(out, 255, 0)).toEqual([23, 52, 81])
  expect(pixel(out, 128, 128)).toEqual([224, 0, 46])
  expect(pixel(out, 255, 255)).toEqual([37, 74, 100])
  expect(pixel(out, 201, 37)).toEqual([119, 0, 63])
  expect(sum(out)).toBe(25_066_668)
  expect(crc(out)).toBe('78ec15bd')
})

test.each([
  [191, 233, 'b0371e15', 95, 116, [174, 75, 40], 17_002_399],
  [401, 480, '76752aa8', 200, 240, [145, 46, 45], 73_542_528],
  [310, 362, 'eeb78361', 0, 0, undefined, undefined],
  [512, 600, 'b929f4c7', 0, 0, undefined, undefined],
] as const)('bilinear 256x256 to %i x %i equals OpenCV', (width, height, code, x, y, at, total) => {
  const out = resized(pattern(256, 256), width, height, bilinear)
  if (at) expect(pixel(out, x, y)).toEqual(at)
  if (total) expect(sum(out)).toBe(total)
  expect(crc(out)).toBe(code)
})

test.each([
  [466, '1c29ba24', [115, 144, 173]],
  [700, '93b06223', [77, 106, 135]],
])('bilinear %i to 512 equals Pillow', (side, code, center) => {
  const out = resized(pattern(side, side), 512, 512, pillowBilinear)
  expect(pixel(out, 256, 256)).toEqual(center)
  expect(crc(out)).toBe(code)
})

// source size, output size, channels; made with OpenCV 5.0 and Pillow 11.3 from the same noise
describe.each([
  [1, 1, 7, 5, 3, 'ecc09815', 'ecc09815', 'ecc09815', 'ecc09815'],
  [5, 3, 1, 1, 3, 'a3606498', 'a3606498', 'b8d31783', '20182c0e'],
  [2, 9, 13, 4, 1, '0a3ece2b', 'a2e9d054', '44543062', '49d012be'],
  [400, 480, 256, 256, 3, '43b6b872', '749bf753', '480aaf7e', '7622a167'],
  [97, 131, 256, 256, 3, 'a285478d', 'f5a99fb3', '1b327c2d', '91bc9c07'],
  [256, 256, 400, 480, 3, '0ffbdb0a', 'e1f6e2f7', 'e411b72c', 'ed5fb6f9'],
  [33, 700, 34, 21, 1, '784a88fd', '535b4e3d', '55e090c4', '758b0d33'],
] as const)('noise of %i x %i to %i x %i, %i channels', (w, h, W, H, channels, ...codes) => {
  const src = noise(w, h, channels, w * h)
  test.each([
    ['Lanczos', lanczos, codes[0]],
    ['bilinear', bilinear, codes[1]],
    ['Pillow bilinear', pillowBilinear, codes[2]],
    ['Pillow bicubic', pillowBicubic, codes[3]],
  ] as const)('%s is exact', (_, resize, code) => {
    expect(crc(resized(src, W, H, resize))).toBe(code)
  })
})

describe.each([
  ['Lanczos', lanczos],
  ['bilinear', bilinear],
  ['Pillow bilinear', pillowBilinear],
  ['Pillow bicubic', pillowBicubic],
] as const)('%s', (_, resize) => {
  test('reads a window of a larger picture and writes into one', () => {
    const frame = noise(90, 80, 3)
    const box = [13, 9, 74, 71] as const
    const alone = image(61, 62, 3)
    copy(crop(frame, box), alone)
    const canvas = noise(60, 50, 3, 2)
    const before = canvas.data.slice()
    resize(crop(frame, box), crop(canvas, [5, 6, 45, 40]))
    const part = image(40, 34, 3)
    copy(crop(canvas, [5, 6, 45, 40]), part)
    expect(crc(part)).toBe(crc(resized(alone, 40, 34, resize)))
    expect(canvas.data.subarray(0, 6 * 180 + 15)).toEqual(before.subarray(0, 6 * 180 + 15))
    expect(canvas.data.subarray(40 * 180)).toEqual(before.subarray(40 * 180))
  })

  test('to the same size is a copy', () => {
    const src = noise(37, 23, 3)
    expect(resized(src, 37, 23, resize).data).toEqual(src.data)
  })

  test('keeps a flat color', () => {
    const src = image(31, 17, 1)
    src.data.fill(203)
    expect(resized(src, 64, 9, resize).data.every((value) => value === 203)).toBe(true)
  })
})

test('a plan serves any number of pictures of its size, and no other', () => {
  const out = image(40, 40, 3)
  const first = noise(50, 70, 3, 1)
  const lanczos4 = lanczosPlan(first, out)
  const linear = bilinearPlan(first, out)
  for (const seed of [1, 2, 3]) {
    const src = noise(50, 70, 3, seed)
    resizeLanczos4(src, out, lanczos4)
    expect(crc(out)).toBe(crc(resized(src, 40, 40, lanczos)))
    resizeBilinear(src, out, linear)
    expect(crc(out)).toBe(crc(resized(src, 40, 40, bilinear)))
  }
  expect(() => resizeLanczos4(noise(51, 70, 3), out, lanczos4)).toThrow('plan is for 50x70x3')
  expect(() => resizeBilinear(noise(50, 70, 3), image(41, 40, 3), linear)).toThrow('plan is for')
})

test('a window must lie in its picture', () => {
  expect(() => crop(image(10, 10, 1), [0, 0, 11, 5])).toThrow('does not lie in a picture of 10x10')
  expect(() => crop(image(10, 10, 1), [3, 3, 3, 5])).toThrow(RangeError)
  expect(() => image(4, 4, 3, new Uint8Array(47))).toThrow('needs 48 bytes')
})
