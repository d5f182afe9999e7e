import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { resizeBilinear } from '../../reference/resize-bilinear.ts'
import { blend } from '../../reference/blend-rgb.ts'
import type { MaskMode } from '../../../models/pixels/parsing-mask.ts'
import { classMask } from '../../reference/parsing-mask.ts'
import { gaussianKernel } from '../../../models/pixels/gaussian-kernel.ts'
import { gaussianBlur } from '../../reference/gaussian-blur.ts'
import { type Box, type Image, image } from '../../../models/pixels/image.ts'
import { cropBox, featherSize, ruleMask } from '../../../models/pixels/blend-mask.ts'
import { cropMask, faceMask } from '../../reference/blend-mask.ts'
import { type Span, dilate, erode } from '../../reference/morphology.ts'
import { resizePillow } from '../../reference/resize-pillow.ts'
import { crc, noise, pattern, swapped, sum } from '../../helpers/media/test-pattern.ts'
import { readPng } from '../../helpers/media/png.ts'
import { golden } from '../../helpers/fixture-paths.ts'

/** A drawn head: an ellipse of skin with a nose and an upper lip. */
function drawnClasses(): Image {
  const classes = image(512, 512, 1)
  for (let y = 0, i = 0; y < 512; y++) {
    for (let x = 0; x < 512; x++, i++) {
      if (inDisc(x, y)) classes.data[i] = 1
      if (x > 240 && x < 272 && y > 200 && y < 280) classes.data[i] = 10
      if (x > 220 && x < 292 && y > 330 && y < 360) classes.data[i] = 12
    }
  }
  return classes
}

const inDisc = (x: number, y: number) => 4 * (x - 256) ** 2 + 2 * (y - 270) ** 2 < 72200
const set = ({ data }: Image) => data.reduce((count, value) => count + (value ? 1 : 0), 0)

/** First and last column and row that are not 0. */
function extent({ data, width }: Image): number[] {
  const xs: number[] = []
  const ys: number[] = []
  for (const [i, value] of data.entries()) {
    if (value) {
      xs.push(i % width)
      ys.push(Math.floor(i / width))
    }
  }
  const least = (list: number[]) => list.reduce((a, b) => Math.min(a, b))
  const most = (list: number[]) => list.reduce((a, b) => Math.max(a, b))
  return [least(xs), most(xs), least(ys), most(ys)]
}

describe('the chain from classes to a feathered mask', () => {
  const classes = drawnClasses()
  const jaw = classMask(classes, 'jaw', [90, 90])
  const face: Box = [800, 300, 1110, 652]
  const cut = cropMask(jaw, face)

  test('raw and neck masks', () => {
    expect(crc(classes)).toBe('4ec57ee5')
    expect(crc(classMask(classes, 'raw'))).toBe('1f141047')
    expect(crc(classMask(classes, 'neck'))).toBe('1f141047')
    expect(set(classMask(classes, 'raw'))).toBe(77_730)
  })

  test('jaw mask', () => {
    expect(crc(jaw)).toBe('d69e4fd7')
    expect(set(jaw)).toBe(71_158)
    expect(extent(jaw)).toEqual([146, 366, 65, 465])
  })

  test('cut to the lower half of the face box', () => {
    expect(crc(cut)).toBe('d9e55878')
  })

  test.each([
    [0.05, 27, '60c499b8', 8_968_073, [139, 389, 252, 451]],
    [0.1, 53, '7ce9d999', 8_968_174, [128, 400, 241, 462]],
  ])('feathered by %d of the side', (share, size, code, total, box) => {
    expect(featherSize(cut.width, share)).toBe(size)
    const mask = faceMask(jaw, face, share)
    expect(crc(mask)).toBe(code)
    expect(sum(mask)).toBe(total)
    expect(extent(mask)).toEqual(box)
  })

  test('a disc, resized with Pillow bicubic', () => {
    const disc = image(512, 512, 1)
    for (let i = 0; i < disc.data.length; i++) disc.data[i] = inDisc(i % 512, i >> 9) ? 255 : 0
    const small = image(466, 466, 1)
    resizePillow(disc, small, 'bicubic')
    expect(crc(disc)).toBe('95af2ccb')
    expect(crc(small)).toBe('db587306')
    expect(sum(small)).toBe(16_936_643)
  })
})

test.each<[Box, Box]>([
  [[800, 300, 1110, 652], [691, 212, 1219, 740]], // prettier-ignore
  [[801, 300, 1110, 653], [691, 212, 1219, 740]], // prettier-ignore
  [[10, 20, 111, 140], [-30, -10, 150, 170]], // prettier-ignore
  [[400, 100, 912, 800], [131, -75, 1181, 975]], // prettier-ignore
])('crop box of %j is %j', (face, expected) => {
  expect(cropBox(face)).toEqual(expected)
})

test.each([
  [180, 9, 19],
  [528, 27, 53],
  [1050, 53, 105],
])('a crop of %i px has a feather of %i px, %i in real time', (side, batch, realTime) => {
  expect(featherSize(side)).toBe(batch)
  expect(featherSize(side, 0.1)).toBe(realTime)
})

interface MaskCase {
  name: string
  face_box: Box
  mode: MaskMode
  cheeks: [number, number]
  crop_box: Box
  mask512_crc32: string
  before_blur_crc32: string
  k: number
  mask_crc32: string
  mask_sum: number
  realtime_mask_crc32: string
}
interface MaskGolden {
  cases: MaskCase[]
  small_face_crc32: Record<string, string>
}
const masks = JSON.parse(readFileSync(golden('masks/masks.json'), 'utf8')) as MaskGolden

// The reference's composition (Pillow and OpenCV) over the test picture of 576x768, RGB bytes
const BLENDED: Record<string, string> = {
  'middle-raw': '885a6fa2',
  'middle-jaw': '9fe07026',
  'middle-neck': 'ffc53070',
  'corner-raw': '23058aa0',
  'corner-jaw': '239d19e5',
  'corner-neck': '58675d46',
  'right-bottom-raw': '90e75ee2',
  'right-bottom-jaw': 'f7f503ad',
  'right-bottom-neck': 'cf1e0e54',
  'middle-raw-cheeks-60-120': '885a6fa2',
  'middle-jaw-cheeks-60-120': 'ce7b7133',
  'middle-neck-cheeks-60-120': 'ffc53070',
}

describe.each(masks.cases)('reference mask $name', (expected) => {
  const box = expected.face_box
  const parsed = classMask(readPng(golden('masks/classes.png')), expected.mode, expected.cheeks)
  const mask = faceMask(parsed, box)

  test('equals the reference at every step', () => {
    expect(crc(parsed)).toBe(expected.mask512_crc32)
    expect(cropBox(box)).toEqual(expected.crop_box)
    expect(crc(cropMask(parsed, box))).toBe(expected.before_blur_crc32)
    expect(featherSize(mask.width)).toBe(expected.k)
    expect(mask.data).toEqual(readPng(golden(`masks/${expected.name}-mask.png`)).data)
    expect(crc(mask)).toBe(expected.mask_crc32)
    expect(sum(mask)).toBe(expected.mask_sum)
    expect(crc(faceMask(parsed, box, 0.1))).toBe(expected.realtime_mask_crc32)
  })

  test('composes the reference picture', () => {
    const face = image(box[2] - box[0], box[3] - box[1], 3)
    resizeBilinear(readPng(golden('masks/face.png')), face)
    const place = Object.keys(masks.small_face_crc32).find((key) => expected.name.startsWith(key))
    expect(crc(swapped(face))).toBe(masks.small_face_crc32[place!])
    const frame = pattern(576, 768)
    blend(frame, face, box, mask, expected.crop_box)
    expect(crc(frame)).toBe(BLENDED[expected.name])
  })
})

describe('Gaussian blur', () => {
  // width, height, kernel; made with OpenCV 5.0 from the same noise
  test.each([
    [61, 47, 3, '9392a705'],
    [61, 47, 5, '7736699e'],
    [61, 47, 7, '68efddce'],
    [61, 47, 9, '8345cefe'],
    [61, 47, 11, '4017e514'],
    [61, 47, 53, '632322d4'],
    [4, 2, 27, '88fde447'],
    [1, 9, 7, '492847c0'],
  ])('of %i x %i with %i taps equals OpenCV', (width, height, k, code) => {
    const picture = noise(width, height, 1, k)
    gaussianBlur(picture, picture, k)
    expect(crc(picture)).toBe(code)
  })

  test('its kernels are symmetric and sum to 256', () => {
    for (let k = 1; k < 120; k += 2) {
      const kernel = gaussianKernel(k)
      expect([...kernel].toReversed()).toEqual([...kernel])
      expect(kernel.reduce((a, b) => a + b)).toBe(256)
    }
    expect(() => gaussianKernel(4)).toThrow('must be odd')
  })
})

describe('morphology', () => {
  const element: Span[] = [
    { dy: -1, left: -2, right: 1 },
    { dy: 0, left: 0, right: 4 },
    { dy: 2, left: -1, right: -1 },
  ]

  /** By definition: some (dilate) or every (erode) sample under the element is set. */
  function slow(src: Image, outside: boolean): number[] {
    const found: number[] = []
    for (let y = 0; y < src.height; y++) {
      for (let x = 0; x < src.width; x++) {
        const under = element.flatMap(({ dy, left, right }) =>
          Array.from({ length: right - left + 1 }, (_, i) => {
            const [u, v] = [x + left + i, y + dy]
            const inside = u >= 0 && v >= 0 && u < src.width && v < src.height
            return inside ? src.data[v * src.width + u] !== 0 : outside
          }),
        )
        found.push((outside ? under.every(Boolean) : under.some(Boolean)) ? 255 : 0)
      }
    }
    return found
  }

  test.each([20, 128, 240])('equals its definition on noise above %i', (level) => {
    const src = noise(40, 30, 1)
    src.data.forEach((value, i) => (src.data[i] = value > level ? 255 : 0))
    const out = image(40, 30, 1)
    dilate(src, out, element)
    expect([...out.data]).toEqual(slow(src, false))
    erode(src, out, element)
    expect([...out.data]).toEqual(slow(src, true))
  })
})

describe('the mask of a rule', () => {
  const mask = ruleMask({ top: [0.42, 0.52], sides: 0.08, bottom: 0.03 }, 200, 300)
  const at = (x: number, y: number) => mask.data[y * 200 + x]!

  test('hides the upper face and shows the mouth', () => {
    expect(mask.data.subarray(0, 126 * 200).every((value) => value === 0)).toBe(true)
    expect(at(100, 141)).toBeGreaterThan(120) // half way up the smoothstep
    expect(at(100, 141)).toBeLessThan(140)
    expect(at(100, 156)).toBe(255)
    expect(at(100, 280)).toBe(255)
  })

  test('ramps linearly at the sides and at the bottom', () => {
    expect([0, 1, 4, 8, 15, 16].map((x) => at(x, 200))).toEqual([8, 24, 72, 135, 247, 255])
    expect([299, 295, 291, 290].map((y) => at(100, y))).toEqual([14, 128, 241, 255].map(near))
    expect(Array.from({ length: 200 }, (_, x) => at(x, 250))).toEqual(
      Array.from({ length: 200 }, (_, x) => at(199 - x, 250)),
    )
  })

  test('without ramps it is all or nothing', () => {
    const hard = ruleMask({ top: [0.5, 0.5], sides: 0, bottom: 0 }, 4, 4)
    expect([...hard.data]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, ...Array(8).fill(255)])
  })

  function near(value: number) {
    return expect.toSatisfy((got: number) => Math.abs(got - value) <= 1)
  }
})

describe('blend', () => {
  const one = (value: number) => image(1, 1, 1, Uint8Array.of(value))

  test.each([
    [10, 200, 0, 10],
    [10, 200, 255, 200],
    [10, 200, 128, 105],
    [255, 0, 1, 254],
    [0, 255, 127, 127],
    [77, 78, 200, 78],
  ])('%i under %i with mask %i gives %i', (under, over, mask, expected) => {
    const frame = one(under)
    blend(frame, one(over), [0, 0, 1, 1], one(mask))
    expect(frame.data[0]).toBe(expected)
  })

  test('is cut off at the frame and leaves the rest alone', () => {
    const face = noise(20, 20, 3, 2)
    const mask = image(20, 20, 1)
    mask.data.fill(255)
    const frame = noise(30, 30, 3)
    const before = frame.data.slice()
    blend(frame, face, [-5, 22, 15, 42], mask)
    for (let i = 0; i < before.length; i++) {
      const [x, y] = [Math.floor(i / 3) % 30, Math.floor(i / 90)]
      const expected =
        x < 15 && y >= 22 ? face.data[((y - 22) * 20 + x + 5) * 3 + (i % 3)] : before[i]
      if (frame.data[i] !== expected) expect.fail(`sample ${i} at ${x},${y}`)
    }
    blend(frame, face, [-25, 0, -5, 20], mask) // wholly outside: nothing to do
    expect(() => blend(frame, face, [0, 0, 19, 20], mask)).toThrow('does not fill box')
  })
})
