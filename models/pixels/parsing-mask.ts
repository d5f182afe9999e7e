import { HEAD_SIDE } from './crop-face.ts'
import type { Kernels } from './kernels.ts'

/** Bytes of a mask of 512x512, one bit per pixel: the lowest bit of a byte is the leftmost pixel. */
export const MASK_BYTES = (HEAD_SIDE * HEAD_SIDE) / 8

// face-parsing classes in the order of CelebAMask-HQ
const SKIN = 1
const NOSE = 10
const MOUTH = [11, 12, 13] as const // interior, upper lip, lower lip
const NECK = 14

/** Which part of the head the generated face may replace. */
export type MaskMode = 'raw' | 'neck' | 'jaw'

/**
 * The mask of a parsed face: set where the picture may change.
 *
 * @param classes address of 512x512 class ids
 * @param mode `raw`: skin and mouth. `neck`: these and the neck. `jaw`: the mouth, and skin grown
 *   downwards at the chin and eroded at the cheeks, without the nose
 * @param cheeks jaw only: distance in px from the center column to where the eroded zone begins,
 *   left and right; a larger one replaces more of the cheek
 * @returns address of the mask: one bit per pixel
 * @see MuseTalk v1.5 musetalk/utils/face_parsing/__init__.py
 */
export function maskOfClasses(
  { run, memory }: Kernels,
  classes: number,
  mode: MaskMode,
  cheeks: readonly [number, number] = [90, 90],
): number {
  const pick = (...ids: readonly number[]) => {
    const mask = memory.take(MASK_BYTES)
    const four = [0, 1, 2, 3].map((i) => ids[Math.min(i, ids.length - 1)]! << (8 * i))
    run.pickClasses(classes, four.reduce((a, b) => a | b), mask) // prettier-ignore
    return mask
  }
  if (mode === 'raw') return pick(SKIN, ...MOUTH)
  const mouth = pick(...MOUTH, mode === 'neck' ? NECK : MOUTH[0])
  const skin = pick(SKIN)
  const [grown, once, eroded, scratch, out] = Array.from({ length: 5 }, () =>
    memory.take(MASK_BYTES),
  )
  if (mode === 'neck') {
    const all = new Uint8Array(HEAD_SIDE / 8).fill(255)
    run.joinJaw(skin, skin, memory.put(all), pick(255), mouth, out!)
    return out!
  }
  run.growChin(skin, grown!)
  run.erodeCheeks(grown!, once!, scratch!)
  run.erodeCheeks(once!, eroded!, scratch!)
  run.joinJaw(eroded!, grown!, memory.put(cheekColumns(cheeks)), pick(NOSE), mouth, out!)
  return out!
}

function cheekColumns([left, right]: readonly [number, number]): Uint8Array {
  const row = new Uint8Array(HEAD_SIDE / 8)
  const center = HEAD_SIDE / 2
  for (let x = 0; x < HEAD_SIDE; x++) {
    if (x <= center - left || x >= center + right) row[x >> 3]! |= 1 << (x & 7)
  }
  return row
}
