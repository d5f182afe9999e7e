import { cropBox, featherSize } from '../../models/pixels/blend-mask.ts'
import { type Box, type Image, copy, crop, image } from '../../models/pixels/image.ts'
import { gaussianBlur } from './gaussian-blur.ts'
import { resizePillow } from './resize-pillow.ts'

/**
 * The paste mask of a parsed face, in the coordinates of its crop box: 0..255, feathered.
 *
 * @param parsed the class mask (0 or 255) of the crop box, 512x512
 * @param face face box in frame px
 * @see MuseTalk v1.5 musetalk/utils/blending.py, get_image
 */
export function faceMask(parsed: Image, face: Box, share = 0.05): Image {
  const mask = cropMask(parsed, face)
  gaussianBlur(mask, mask, featherSize(mask.width, share))
  return mask
}

/** The paste mask before its feather: crop size, only the face box, only the lower half. */
export function cropMask(parsed: Image, face: Box): Image {
  const [left, top, right] = cropBox(face)
  const side = right - left
  const whole = image(side, side, 1)
  resizePillow(parsed, whole, 'bicubic')
  const kept: Box = [
    face[0] - left,
    Math.max(face[1] - top, side / 2),
    face[2] - left,
    face[3] - top,
  ]
  const mask = image(side, side, 1)
  copy(crop(whole, kept), crop(mask, kept))
  return mask
}
