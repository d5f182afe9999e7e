import { crop, type Box, type Image } from '../../../models/pixels/image.ts'

const SIDE = 8
const C1 = (0.01 * 255) ** 2
const C2 = (0.03 * 255) ** 2

/** Structural similarity of two pictures inside a box: mean over its 8x8 blocks and channels. */
export function ssim(a: Image, b: Image, box: Box): number {
  const [one, other] = [crop(a, box), crop(b, box)]
  let [sum, count] = [0, 0]
  for (let y = 0; y + SIDE <= one.height; y += SIDE) {
    for (let x = 0; x + SIDE <= one.width; x += SIDE) {
      for (let c = 0; c < one.channels; c++) {
        sum += ofBlock(one, other, x, y, c)
        count++
      }
    }
  }
  return sum / count
}

function ofBlock(a: Image, b: Image, left: number, top: number, c: number): number {
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0]
  for (let y = top; y < top + SIDE; y++) {
    for (let x = left; x < left + SIDE; x++) {
      const p = a.data[a.offset + y * a.stride + x * a.channels + c]!
      const q = b.data[b.offset + y * b.stride + x * b.channels + c]!
      ;[sa, sb, saa, sbb, sab] = [sa + p, sb + q, saa + p * p, sbb + q * q, sab + p * q]
    }
  }
  const n = SIDE * SIDE
  const [ma, mb] = [sa / n, sb / n]
  const [va, vb, cov] = [saa / n - ma * ma, sbb / n - mb * mb, sab / n - ma * mb]
  const same = (2 * ma * mb + C1) * (2 * cov + C2)
  return same / ((ma * ma + mb * mb + C1) * (va + vb + C2))
}
