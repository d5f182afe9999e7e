import { describe, expect, test } from 'vitest'
import { type Color, coefficients } from '../../../models/pixels/color/color-matrix.ts'
import { type Box, image } from '../../../models/pixels/image.ts'
import { ruleMask } from '../../../models/pixels/blend-mask.ts'
import { blendRegion } from '../../reference/blend-yuv.ts'
import { type Yuv, yuvBytes, yuvFrame } from '../../../models/pixels/yuv.ts'
import { regionToRgb } from '../../reference/yuv-to-rgb.ts'
import { noise, pixel } from '../../helpers/media/test-pattern.ts'

const HD: Color = { matrix: 'bt709', range: 'limited' }
const ALL: Color[] = (['bt601', 'bt709', 'bt2020nc'] as const).flatMap((matrix) =>
  (['limited', 'full'] as const).flatMap((range) =>
    (['left', 'center'] as const).map((siting) => ({ matrix, range, siting })),
  ),
)

function noisy(width: number, height: number, seed = 1): Yuv {
  return yuvFrame(noise(yuvBytes(width, height), 1, 1, seed).data, width, height)
}

function flat(width: number, height: number, [y, u, v]: readonly [number, number, number]): Yuv {
  const frame = yuvFrame(new Uint8Array(yuvBytes(width, height)), width, height)
  frame.y.data.subarray(0, width * height).fill(y)
  frame.u.data.subarray(0, frame.u.width * frame.u.height).fill(u)
  frame.v.data.fill(v)
  return frame
}

const bytes = ({ y }: Yuv) => y.data.slice()
const boxImage = ([x1, y1, x2, y2]: Box, channels: number) => image(x2 - x1, y2 - y1, channels)

describe('to RGB', () => {
  // the corners of the color cube as ITU-R BT.601, 709 and 2020 code them
  test.each<[Color, [number, number, number], [number, number, number]]>([
    [{ matrix: 'bt601', range: 'limited' }, [81, 90, 240], [255, 0, 0]],
    [{ matrix: 'bt709', range: 'limited' }, [63, 102, 240], [255, 0, 0]],
    [{ matrix: 'bt709', range: 'limited' }, [173, 42, 26], [0, 255, 0]],
    [{ matrix: 'bt709', range: 'limited' }, [32, 240, 118], [0, 0, 255]],
    [{ matrix: 'bt2020nc', range: 'limited' }, [74, 97, 240], [255, 0, 0]],
    [{ matrix: 'bt601', range: 'full' }, [76, 85, 255], [254, 0, 0]],
    [{ matrix: 'bt709', range: 'limited' }, [16, 128, 128], [0, 0, 0]],
    [{ matrix: 'bt709', range: 'limited' }, [235, 128, 128], [255, 255, 255]],
    [{ matrix: 'bt709', range: 'full' }, [137, 128, 128], [137, 137, 137]],
  ])('%j %j is %j', (color, yuv, rgb) => {
    const out = image(4, 4, 3)
    regionToRgb(flat(6, 6, yuv), coefficients(color), [1, 1, 5, 5], out)
    pixel(out, 2, 2).forEach((value, c) => expect(Math.abs(value - rgb[c]!)).toBeLessThanOrEqual(1))
  })

  test.each(ALL)('a region equals the formula in floating point: %j', (color) => {
    const frame = noisy(23, 17)
    const box: Box = [3, 2, 23, 17]
    const out = boxImage(box, 3)
    regionToRgb(frame, coefficients(color), box, out)
    for (let y = box[1]; y < box[3]; y++) {
      for (let x = box[0]; x < box[2]; x++) {
        const expected = exactRgb(frame, color, x, y)
        pixel(out, x - box[0], y - box[1]).forEach((value, c) => {
          const error = Math.abs(value - expected[c]!)
          if (error > 0.56) expect.fail(`${x},${y},${c}: ${value}, not ${expected[c]}`)
        })
      }
    }
  })

  test('a region does not depend on where it is cut', () => {
    const frame = noisy(64, 48)
    const whole = image(64, 48, 3)
    regionToRgb(frame, coefficients(HD), [0, 0, 64, 48], whole)
    const part = image(20, 15, 3)
    regionToRgb(frame, coefficients(HD), [11, 7, 31, 22], part)
    for (let y = 0; y < 15; y++) {
      const from = (y + 7) * 192 + 33
      expect(part.data.subarray(y * 60, y * 60 + 60)).toEqual(whole.data.subarray(from, from + 60))
    }
  })

  test('a region must lie in the frame and fill its picture', () => {
    const frame = noisy(16, 16)
    expect(() => regionToRgb(frame, coefficients(HD), [0, 0, 17, 4], image(17, 4, 3))).toThrow()
    expect(() => regionToRgb(frame, coefficients(HD), [0, 0, 8, 4], image(8, 5, 3))).toThrow()
  })
})

describe('overlay', () => {
  test.each(ALL)('a face equal to the source changes no byte: %j', (color) => {
    for (const [width, height] of [
      [64, 48],
      [63, 47],
    ] as const) {
      // prettier-ignore
      for (const box of [[0, 0, width, height], [5, 3, 40, 36], [8, 8, 24, 24]] as Box[]) { // prettier-ignore
        const frame = noisy(width, height)
        const before = bytes(frame)
        const face = boxImage(box, 3)
        regionToRgb(frame, coefficients(color), box, face)
        const mask = boxImage(box, 1)
        mask.data.set(noise(mask.width, mask.height, 1, 5).data)
        blendRegion(frame, coefficients(color), box, face, mask)
        expect(frame.y.data).toEqual(before)
      }
    }
  })

  test('touches nothing where the mask is 0', () => {
    const frame = noisy(80, 60)
    const before = yuvFrame(bytes(frame), 80, 60)
    const box: Box = [11, 9, 61, 49]
    const mask = ruleMask({ top: [0.42, 0.52], sides: 0.1, bottom: 0 }, 50, 40)
    mask.data.fill(0, 30 * 50)
    blendRegion(frame, coefficients(HD), box, noise(50, 40, 3, 9), mask)
    const shown = (x: number, y: number) =>
      x >= 11 && x < 61 && y >= 9 && y < 49 && mask.data[(y - 9) * 50 + x - 11] !== 0
    let changed = 0
    for (let i = 0; i < 80 * 60; i++) {
      if (frame.y.data[i] === before.y.data[i]) continue
      changed++
      if (!shown(i % 80, Math.floor(i / 80))) expect.fail(`luma ${i}`)
    }
    expect(changed).toBeGreaterThan(300)
    for (const plane of ['u', 'v'] as const) {
      for (let i = 0; i < 40 * 30; i++) {
        if (frame[plane].data[i] === before[plane].data[i]) continue
        const [x, y] = [2 * (i % 40), 2 * Math.floor(i / 40)]
        const near = [-1, 0, 1].some((dx) => shown(x + dx, y) || shown(x + dx, y + 1))
        if (!near) expect.fail(`${plane} ${i}`)
      }
    }
  })

  test.each(ALL)('a full mask shows the color of the face: %j', (color) => {
    for (const [width, height] of [
      [40, 30],
      [39, 29],
    ] as const) {
      // prettier-ignore
      const frame = flat(width, height, [120, 110, 140])
      const face = image(width, height, 3)
      const rgb = [200, 90, 70]
      face.data.forEach((_, i) => (face.data[i] = rgb[i % 3]!))
      const mask = image(width, height, 1)
      mask.data.fill(255)
      const box: Box = [0, 0, width, height]
      blendRegion(frame, coefficients(color), box, face, mask)
      const out = image(width, height, 3)
      regionToRgb(frame, coefficients(color), box, out)
      out.data.forEach((value, i) => {
        if (Math.abs(value - rgb[i % 3]!) > 3) expect.fail(`sample ${i}: ${value}`)
      })
    }
  })

  test('a half mask goes half the way', () => {
    const frame = flat(32, 32, [50, 128, 128])
    const mask = image(32, 32, 1)
    mask.data.fill(128)
    const face = image(32, 32, 3)
    face.data.fill(255)
    blendRegion(frame, coefficients({ matrix: 'bt709', range: 'full' }), [0, 0, 32, 32], face, mask)
    expect(frame.y.data[5]).toBe(153) // 50 + 205 * 128 / 255
    expect([frame.u.data[3], frame.v.data[3]]).toEqual([128, 128])
  })

  test('the source under a row is read before its chroma changes', () => {
    const box: Box = [0, 0, 32, 32]
    const color = coefficients(HD)
    const frame = noisy(32, 32, 4)
    const source = image(32, 32, 3)
    regionToRgb(frame, color, box, source)
    const mask = image(32, 32, 1)
    mask.data.fill(255, 0, 32 * 16) // changes the upper half only
    const face = noise(32, 32, 3, 8)
    face.data.set(source.data.subarray(96 * 14), 96 * 14) // rows 14 and 15: shown, but unchanged
    const before = bytes(frame)
    blendRegion(frame, color, box, face, mask)
    expect(frame.y.data.subarray(32 * 14, 32 * 32)).toEqual(before.subarray(32 * 14, 32 * 32))
  })
})

/** The definition: chroma interpolated linearly at its siting, then the matrix, clamped. */
function exactRgb(frame: Yuv, color: Color, x: number, y: number): number[] {
  const shift = color.siting === 'center' ? 0.25 : 0
  const chroma = ({ data, width, height }: Yuv['u']) => {
    const [u, v] = [x / 2 - shift, y / 2 - 0.25]
    const [fx, fy] = [u - Math.floor(u), v - Math.floor(v)]
    const at = (i: number, j: number) =>
      data[Math.min(Math.max(j, 0), height - 1) * width + Math.min(Math.max(i, 0), width - 1)]!
    const [i, j] = [Math.floor(u), Math.floor(v)]
    const row = (k: number) => at(i, k) * (1 - fx) + at(i + 1, k) * fx
    return row(j) * (1 - fy) + row(j + 1) * fy - 128
  }
  const [kr, kb] = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722], bt2020nc: [0.2627, 0.0593] }[
    color.matrix
  ] as [number, number]
  const limited = color.range === 'limited'
  const luma =
    ((frame.y.data[y * frame.y.width + x]! - (limited ? 16 : 0)) * 255) / (limited ? 219 : 255)
  const cb = (chroma(frame.u) * 255) / (limited ? 224 : 255)
  const cr = (chroma(frame.v) * 255) / (limited ? 224 : 255)
  const r = luma + 2 * (1 - kr) * cr
  const b = luma + 2 * (1 - kb) * cb
  const g = (luma - kr * r - kb * b) / (1 - kr - kb)
  return [r, g, b].map((value) => Math.min(255, Math.max(0, value)))
}
