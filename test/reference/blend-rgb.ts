import { type Box, type Image, crop, sizeOf } from '../../models/pixels/image.ts'

/**
 * Blend a resized face into an RGB (or BGR) frame under a mask: MuseTalk's paste, whose mask covers
 * the crop box while only the face box holds new pixels. What lies outside the frame is cut off.
 *
 * @param frame changed in place
 * @param face as large as `box`
 * @param box where the face goes, frame px
 * @param mask one channel, 0..255
 * @param at where the mask goes, frame px: contains `box`
 * @see Pillow src/libImaging/Paste.c, paste_mask_L; MuseTalk v1.5 musetalk/utils/blending.py
 */
export function blend(frame: Image, face: Image, box: Box, mask: Image, at: Box = box): void {
  const [x1, y1, x2, y2] = box
  if (face.width !== x2 - x1 || face.height !== y2 - y1 || face.channels !== frame.channels) {
    throw new RangeError(`a face of ${sizeOf(face)} does not fill box ${box.join(',')}`)
  }
  const seen: Box = [
    Math.max(0, x1),
    Math.max(0, y1),
    Math.min(frame.width, x2),
    Math.min(frame.height, y2),
  ]
  if (seen[0] >= seen[2] || seen[1] >= seen[3]) return
  blendOver(
    crop(frame, seen),
    crop(face, shift(seen, x1, y1)),
    crop(mask, shift(seen, at[0], at[1])),
  )
}

function blendOver(under: Image, over: Image, mask: Image) {
  const { channels, width, height } = under
  const out = under.data
  const face = over.data
  for (let y = 0; y < height; y++) {
    let o = under.offset + y * under.stride
    let f = over.offset + y * over.stride
    const row = mask.offset + y * mask.stride
    for (let x = 0; x < width; x++) {
      const m = mask.data[row + x]!
      for (let c = 0; c < channels; c++, o++, f++) {
        const t = out[o]! * (255 - m) + face[f]! * m + 128
        out[o] = ((t >> 8) + t) >> 8
      }
    }
  }
}

function shift([x1, y1, x2, y2]: Box, dx: number, dy: number): Box {
  return [x1 - dx, y1 - dy, x2 - dx, y2 - dy]
}
