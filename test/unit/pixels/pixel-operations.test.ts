import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cropBox, ruleMask, type MaskRule } from '../../../models/pixels/blend-mask.ts'
import { coefficients, type Color } from '../../../models/pixels/color/color-matrix.ts'
import type { FrameLayout } from '../../../models/pixels/frame-patch.ts'
import { clipBox, copy, crop, image, type Box, type Image } from '../../../models/pixels/image.ts'
import { MASK_BYTES, type MaskMode } from '../../../models/pixels/parsing-mask.ts'
import { createPixelOperations } from '../../../models/pixels/pixel-operations.ts'
import { yuvBytes, yuvFrame } from '../../../models/pixels/yuv.ts'
import { golden } from '../../helpers/fixture-paths.ts'
import { readPng } from '../../helpers/media/png.ts'
import { crc, noise, pattern } from '../../helpers/media/test-pattern.ts'
import { faceMask } from '../../reference/blend-mask.ts'
import { blend } from '../../reference/blend-rgb.ts'
import { blendRegion } from '../../reference/blend-yuv.ts'
import { classMask } from '../../reference/parsing-mask.ts'
import { resizeBilinear } from '../../reference/resize-bilinear.ts'
import { resizeLanczos4 } from '../../reference/resize-lanczos.ts'
import { resizePillow } from '../../reference/resize-pillow.ts'
import { regionToRgb } from '../../reference/yuv-to-rgb.ts'

// The vector code against the scalar reference, which is compared with OpenCV and Pillow beside this file.
const operations = createPixelOperations()

const COLORS: Color[] = (['bt601', 'bt709', 'bt2020nc'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).flatMap((range) =>
    (['left', 'center'] as const).map((siting) => ({ matrix, range, siting })),
  ),
)

interface Case {
  layout: FrameLayout
  box: Box
}

/** Frames and boxes of all kinds: odd, at edges, beyond them in RGB, larger and smaller than 256. */
const CASES: [string, Case][] = Array.from({ length: 24 }, (_, i) => {
  const dice = noise(16, 1, 1, i + 1).data
  const between = (k: number, from: number, to: number) =>
    from + Math.floor((dice[k]! / 256) * (to - from))
  const [width, height] = [between(0, 64, 420), between(1, 64, 420)]
  const rgb = i % 3 === 2
  const [w, h] = [between(2, 16, width), between(3, 16, height)]
  const x1 = i % 4 === 0 ? 0 : between(4, 0, width - w + (rgb ? w / 2 : 0))
  const y1 = i % 5 === 0 ? height - h : between(5, 0, height - h)
  const layout = { width, height, ...(!rgb && { color: coefficients(COLORS[i % 12]!) }) }
  const name = `${width}x${height} ${rgb ? 'RGB' : JSON.stringify(COLORS[i % 12])}`
  return [`${name}, box ${x1},${y1} of ${w}x${h}`, { layout, box: [x1, y1, x1 + w, y1 + h] }]
})

const noisyFrame = ({ width, height, color }: FrameLayout, seed = 7) =>
  noise(color ? yuvBytes(width, height) : 3 * width * height, 1, 1, seed).data

function referenceRgb(frame: Uint8Array, { width, height, color }: FrameLayout, box: Box): Image {
  const out = image(box[2] - box[0], box[3] - box[1], 3)
  if (color) regionToRgb(yuvFrame(frame, width, height), color, box, out)
  else copy(crop(image(width, height, 3, frame), box), out)
  return out
}

/** Blotches of all classes, a head of skin with a nose and a mouth, and some noise. */
function noisyClasses(seed: number): Image {
  const classes = noise(512, 512, 1, seed)
  for (let i = 0; i < classes.data.length; i++) {
    const [x, y, value] = [i & 511, i >> 9, classes.data[i]!]
    const head = (x - 256) ** 2 + (y - 280) ** 2 < 190 ** 2
    const blotch = ((x >> 5) * 7 + (y >> 5) * 3) % 19
    const inner = y > 330 && y < 370 && x > 200 && x < 310 ? 11 + (value % 3) : 1
    if (head) classes.data[i] = value < 3 ? 0 : Math.abs(x - 256) < 20 && y < 300 ? 10 : inner
    else classes.data[i] = value < 2 ? 1 : blotch
  }
  return classes
}

const RULE: MaskRule = { top: [0.42, 0.52], sides: 0.08, bottom: 0.03 }
const CLASSES = noisyClasses(5)
const PARSED = { raw: classMask(CLASSES, 'raw'), jaw: classMask(CLASSES, 'jaw') }

function unpacked(bits: Uint8Array): Image {
  const mask = image(512, 512, 1)
  for (let i = 0; i < mask.data.length; i++) mask.data[i] = (bits[i >> 3]! >> (i & 7)) & 1 ? 255 : 0
  return mask
}

const packed = (classes: Image, mode: MaskMode) => operations.packMask(classes.data, mode)

describe.each(CASES)('the vector code on %s', (_, { layout, box }) => {
  const seen = clipBox(box, layout)

  test('extracts the same RGB', () => {
    const frame = noisyFrame(layout)
    const expected = referenceRgb(frame, layout, seen)
    const out = new Uint8Array(expected.data.length)
    operations.extractRgb(frame, layout, seen, out)
    expect(out).toEqual(expected.data)
  })

  test('crops the same face, and the same head', () => {
    const frame = noisyFrame(layout)
    const face = image(256, 256, 3)
    resizeLanczos4(referenceRgb(frame, layout, seen), face)
    const around = cropBox(box)
    const square = image(around[2] - around[0], around[3] - around[1], 3)
    const visible = clipBox(around, layout)
    const [dx, dy] = around
    const inside: Box = [visible[0] - dx, visible[1] - dy, visible[2] - dx, visible[3] - dy]
    copy(referenceRgb(frame, layout, visible), crop(square, inside))
    const head = image(512, 512, 3)
    resizePillow(square, head, 'bilinear')

    const out = { face: new Uint8Array(256 * 256 * 3), head: new Uint8Array(512 * 512 * 3) }
    operations.cropFace(frame, layout, box, out)
    expect(Buffer.compare(out.face, face.data)).toBe(0)
    expect(Buffer.compare(out.head, head.data)).toBe(0)
    const alone = new Uint8Array(256 * 256 * 3)
    operations.cropFace(frame, layout, box, { face: alone })
    expect(Buffer.compare(alone, face.data)).toBe(0)
  })

  test.each<[string, 'raw' | 'jaw' | undefined, number]>([
    ['a parsed mask', 'jaw', 1],
    ['a mask by rule', undefined, 1],
    ['a parsed mask by half', 'raw', 0.5],
    ['a mask by rule by a third', undefined, 1 / 3],
  ])('pastes the same face under %s', (_, mode, weight) => {
    const face = noise(256, 256, 3, 9)
    const scaled = image(box[2] - box[0], box[3] - box[1], 3)
    resizeBilinear(face, scaled)
    const whole = mode ? faceMask(PARSED[mode], box) : ruleMask(RULE, scaled.width, scaled.height)
    for (const [i, value] of whole.data.entries()) whole.data[i] = Math.round(value * weight)
    const at = mode ? cropBox(box) : box

    const expected = noisyFrame(layout)
    if (layout.color) {
      const moved: Box = [box[0] - at[0], box[1] - at[1], box[2] - at[0], box[3] - at[1]]
      const { width, height, color } = layout
      blendRegion(yuvFrame(expected, width, height), color, box, scaled, crop(whole, moved))
    } else {
      blend(image(layout.width, layout.height, 3, expected), scaled, box, whole, at)
    }
    const frame = noisyFrame(layout)
    const mask = mode ? { bits: packed(CLASSES, mode) } : { rule: RULE }
    operations.pasteFace(frame, layout, { face: face.data, box, mask, weight })
    expect(Buffer.compare(frame, expected)).toBe(0)
    expect(Buffer.compare(frame, noisyFrame(layout))).not.toBe(0)
  })
})

test('a face beside the frame changes nothing', () => {
  const layout = { width: 90, height: 80 }
  const frame = noisyFrame(layout)
  const face = noise(256, 256, 3).data
  const mask = { bits: new Uint8Array(MASK_BYTES).fill(255) }
  operations.pasteFace(frame, layout, { face, box: [90, 10, 140, 60], mask, weight: 1 })
  expect(frame).toEqual(noisyFrame(layout))
})

describe('the mask of parsed classes', () => {
  const drawn = readPng(golden('masks/classes.png'))
  test.each<MaskMode>(['raw', 'neck', 'jaw'])('%s has the same pixels', (mode) => {
    for (const classes of [drawn, noisyClasses(1), noisyClasses(2)]) {
      expect(crc(unpacked(packed(classes, mode)))).toBe(crc(classMask(classes, mode)))
    }
  })
  test('reaches as far at the edges', () => {
    const classes = image(512, 512, 1)
    for (const x of [0, 1, 63, 64, 255, 447, 448, 510, 511]) {
      for (const y of [0, 5, 300, 495, 511]) classes.data[y * 512 + x] = 1
    }
    expect(crc(unpacked(packed(classes, 'jaw')))).toBe(crc(classMask(classes, 'jaw')))
    classes.data.fill(1)
    for (let i = 3; i < classes.data.length; i += 1789) classes.data[i] = 0
    expect(crc(unpacked(packed(classes, 'jaw')))).toBe(crc(classMask(classes, 'jaw')))
  })
})

interface MaskCase {
  name: string
  face_box: Box
  mode: MaskMode
  cheeks: [number, number]
  mask512_crc32: string
}
const { cases } = JSON.parse(readFileSync(golden('masks/masks.json'), 'utf8')) as {
  cases: MaskCase[]
}
/** Of MuseTalk's own composition (Pillow and OpenCV) over the test picture, RGB bytes. */
const COMPOSED: Record<string, string> = {
  'middle-raw': '885a6fa2',
  'middle-jaw': '9fe07026',
  'corner-neck': '58675d46',
  'right-bottom-jaw': 'f7f503ad',
}

test.each(cases.filter(({ name }) => COMPOSED[name]))(
  'composes the reference picture $name',
  ({ name, face_box: box, mode, mask512_crc32 }) => {
    const bits = packed(readPng(golden('masks/classes.png')), mode)
    expect(crc(unpacked(bits))).toBe(mask512_crc32)
    const frame = pattern(576, 768)
    const face = readPng(golden('masks/face.png')).data
    const layout = { width: 576, height: 768 }
    operations.pasteFace(frame.data, layout, { face, box, mask: { bits }, weight: 1 })
    expect(crc(frame)).toBe(COMPOSED[name])
  },
)

test('crops the pictures of the published checksums', () => {
  const out = { face: new Uint8Array(256 * 256 * 3) }
  const layout = { width: 260, height: 300 }
  operations.cropFace(pattern(260, 300).data, layout, [0, 0, 260, 300], out)
  expect(crc(image(256, 256, 3, out.face))).toBe('78ec15bd') // OpenCV's Lanczos
})
