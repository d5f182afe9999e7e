import type { Box } from '../../../models/pixels/image.ts'

/** A picture whose content says which frame it is, so that order can be proved on the result. */
export interface Scene {
  width: number
  height: number
  /** The white square that `fakeModels` takes for a face; none in a frame without one. */
  faces: readonly Box[]
  /** 0..255: drawn as eight blocks into each face and along the lower edge of the picture. */
  code: number
}

type Color = readonly [r: number, g: number, b: number]
/** As bright as a gray of 235: a face without color would take the color from what is painted on it. */
const WARM: Color = [255, 231, 203]
const COOL: Color = [215, 240, 255]

/** Where the default face lies in the default picture of 192x144. */
export const SIZE = { width: 192, height: 144 } as const
export const FACE: Box = [56, 16, 136, 96]
const STRIP = 1 / 8 // of the height, at the lower edge

/** The scene as rgb24: a color gradient that is nowhere white, faces, codes. */
export function drawScene({ width, height, faces, code }: Scene): Uint8Array {
  const rgb = new Uint8Array(width * height * 3)
  const row = 3 * width
  for (let x = 0; x < width; x++) {
    const across = Math.floor((110 * x) / width)
    rgb[3 * x] = 40 + across
    rgb[3 * x + 2] = 150 - across
  }
  for (let y = 0, at = 0; y < height; y++) {
    if (y > 0) rgb.copyWithin(at, 0, row)
    const green = 40 + Math.floor((110 * y) / height)
    for (const end = at + row; at < end; at += 3) rgb[at + 1] = green
  }
  const fill = (x1: number, y1: number, x2: number, y2: number, color: number | Color) => {
    const [from, to] = [Math.max(0, Math.round(x1)), Math.min(width, Math.round(x2))]
    if (from >= to) return
    const pixel = typeof color === 'number' ? [color, color, color] : color
    const line = new Uint8Array(3 * (to - from))
    for (let at = 0; at < line.length; at += 3) line.set(pixel, at)
    for (let y = Math.max(0, Math.round(y1)); y < Math.min(height, Math.round(y2)); y++) {
      rgb.set(line, row * y + 3 * from)
    }
  }
  for (let bit = 0; bit < 8; bit++) {
    const level = (code >> bit) & 1 ? 16 : 150
    fill((width * bit) / 8, height * (1 - STRIP), (width * (bit + 1)) / 8, height, level)
  }
  for (const face of faces) {
    const [x1, y1, x2, y2] = face
    const middle = (x1 + x2) / 2
    fill(x1, y1, middle, y2, WARM)
    fill(middle, y1, x2, y2, COOL)
    for (let bit = 0; bit < 8; bit++) {
      const [x, y] = eyebrow(face, bit)
      const [w, h] = [(face[2] - face[0]) / 20, (face[3] - face[1]) / 8]
      if ((code >> bit) & 1) fill(x - w, y - h, x + w, y + h, 16)
    }
  }
  return rgb
}

/** Middle of the block of a bit in the upper part of a face, which is never painted over. */
export const eyebrow = ([x1, y1, x2, y2]: readonly number[], bit: number): [number, number] => [
  x1! + (x2! - x1!) * (0.15 + 0.1 * bit),
  y1! + (y2! - y1!) * 0.225,
]

/** Middle of the block of a bit in the strip along the lower edge. */
export const stripe = (width: number, height: number, bit: number): [number, number] => [
  Math.floor((width * (bit + 0.5)) / 8),
  Math.floor(height * (1 - STRIP / 2)),
]

/** Middle of the block of a bit in a painted mouth, as a share of the crop's width and height. */
export const lip = (bit: number): [number, number] => [0.17 + 0.094 * bit, 0.72]
