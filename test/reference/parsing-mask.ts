import { type Image, image } from '../../models/pixels/image.ts'
import type { MaskMode } from '../../models/pixels/parsing-mask.ts'
import { type Span, dilate, erode } from './morphology.ts'

// face-parsing classes in the order of CelebAMask-HQ
const SKIN = 1
const NOSE = 10
const MOUTH = [11, 12, 13] // interior, upper lip, lower lip
const NECK = 14

/** MuseTalk's 33x33 element: a cone of 11 rows, one pixel wide at its tip, on a bar of 12 rows. */
const CONE: readonly Span[] = Array.from({ length: 23 }, (_, row) => {
  const reach = Math.min(row, 10)
  return { dy: row - 6, left: -reach, right: reach }
})

/** OpenCV's "ellipse" of 35x3, which is a bar with a single pixel above and below. */
const BAR: readonly Span[] = [
  { dy: -1, left: 0, right: 0 },
  { dy: 0, left: -17, right: 17 },
  { dy: 1, left: 0, right: 0 },
]

/**
 * The mask of a parsed face: 255 where the picture may change, else 0.
 *
 * @param classes one class id (0..18) per pixel, 512x512
 * @param mode `raw`: skin and mouth. `neck`: these and the neck. `jaw`: the mouth, and skin grown
 *   downwards at the chin and eroded at the cheeks, without the nose
 * @param cheeks jaw only: distance in px from the center column to where the eroded zone begins,
 *   left and right; a larger one replaces more of the cheek
 * @see MuseTalk v1.5 musetalk/utils/face_parsing/__init__.py
 */
export function classMask(
  classes: Image,
  mode: MaskMode,
  cheeks: readonly [number, number] = [90, 90],
): Image {
  if (mode === 'raw') return selectClasses(classes, [SKIN, ...MOUTH])
  if (mode === 'neck') return selectClasses(classes, [SKIN, ...MOUTH, NECK])
  return jawMask(classes, cheeks)
}

function jawMask(classes: Image, [left, right]: readonly [number, number]): Image {
  const { width, height } = classes
  const grown = image(width, height, 1)
  const once = image(width, height, 1)
  const eroded = image(width, height, 1)
  dilate(selectClasses(classes, [SKIN]), grown, CONE)
  erode(grown, once, BAR)
  erode(once, eroded, BAR)
  const nose = selectClasses(classes, [NOSE])
  const mask = selectClasses(classes, MOUTH)
  const center = width >> 1
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const cheek = x <= center - left || x >= center + right
      const skin = cheek ? eroded.data[i]! : grown.data[i]!
      if (skin !== 0 && nose.data[i] === 0) mask.data[i] = 255
    }
  }
  return mask
}

function selectClasses(classes: Image, ids: readonly number[]): Image {
  const table = new Uint8Array(256)
  for (const id of ids) table[id] = 255
  const { data, width, height, offset, stride } = classes
  const mask = image(width, height, 1)
  for (let y = 0, out = 0; y < height; y++) {
    const start = offset + y * stride
    for (let x = 0; x < width; x++) mask.data[out++] = table[data[start + x]!]!
  }
  return mask
}
