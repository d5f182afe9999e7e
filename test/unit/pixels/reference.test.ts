import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { resizeBilinear } from '../../reference/resize-bilinear.ts'
import { blend } from '../../reference/blend-rgb.ts'
import { classMask } from '../../reference/parsing-mask.ts'
import { type Box, type Image, crop, image } from '../../../models/pixels/image.ts'
import { resizeLanczos4 } from '../../reference/resize-lanczos.ts'
import { cropBox } from '../../../models/pixels/blend-mask.ts'
import { cropMask, faceMask } from '../../reference/blend-mask.ts'
import { crc, swapped } from '../../helpers/media/test-pattern.ts'
import { readPng } from '../../helpers/media/png.ts'
import { golden, hasShared, shared } from '../../helpers/fixture-paths.ts'

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'))
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

/** A 256x256 face in its box, pasted over a copy of the frame under the mask. */
function composed(frame: Image, face: Image, box: Box, mask: Image): Image {
  const out = image(frame.width, frame.height, 3, frame.data.slice())
  const resized = image(box[2] - box[0], box[3] - box[1], 3)
  resizeBilinear(face, resized)
  blend(out, resized, box, mask, cropBox(box))
  return out
}

describe.skipIf(!hasShared)('reference compositions (need SHARED_DIR)', () => {
  const cases = hasShared ? json(golden('masks/masks.json')).cases : []
  test.each(cases as Record<string, any>[])('$name over a photo', (expected) => {
    const box = expected['face_box'] as Box
    const parsed = classMask(
      readPng(golden('masks/classes.png')),
      expected['mode'],
      expected['cheeks'],
    )
    const frame = readPng(shared('golden/masks/frame.png'))
    const face = readPng(golden('masks/face.png'))
    expect(crc(swapped(composed(frame, face, box, faceMask(parsed, box))))).toBe(
      expected['blended_bgr_crc32'],
    )
    expect(crc(swapped(composed(frame, face, box, faceMask(parsed, box, 0.1))))).toBe(
      expected['realtime_blended_bgr_crc32'],
    )
  })
})

describe.skipIf(!hasShared || !hasFfmpeg)('reference clip (needs SHARED_DIR and ffmpeg)', () => {
  const clip = hasShared ? json(shared('golden/clip/clip.json')) : undefined
  const boxes: (Box | null)[] = hasShared ? json(shared('golden/clip/boxes.json')).boxes : []
  const frames =
    hasShared && hasFfmpeg ? readFrames(shared('golden/clip/frames.mkv'), 576, 768) : []
  const withChin = (box: Box): Box => [box[0], box[1], box[2], Math.min(box[3] + 10, 768)]

  test.each([0, 16, 18, 20, 39])('frame %i is the reference frame', (i) => {
    expect(frames).toHaveLength(40)
    expect(crc(swapped(frames[i]!))).toBe(clip.frames.bgr_crc32[i])
  })

  test.each([0, 16, 18, 39])('face crop of frame %i', (i) => {
    const out = image(256, 256, 3)
    resizeLanczos4(crop(frames[i]!, withChin(boxes[i]!)), out)
    expect(out.data).toEqual(readPng(shared(`golden/clip/crops/${four(i)}.png`)).data)
  })

  test.each([0, 20, 39])('mask of frame %i', (i) => {
    const file = shared(`golden/clip/parsing/frame-${four(i)}`)
    const parsed = classMask(readPng(`${file}-classes.png`), 'jaw', [90, 90])
    const box = withChin(boxes[i]!)
    expect(cropMask(parsed, box).data).toEqual(readPng(`${file}-mask-before-blur.png`).data)
    expect(faceMask(parsed, box).data).toEqual(readPng(`${file}-mask.png`).data)
  })

  test.each([
    ['ref-0000', 0],
    ['ref-0020', 20],
    ['ref-0039', 39],
    ['ref-0040', 39],
    ['aligned-0020', 20],
    ['aligned-0040', 39],
  ])('composed picture %s', (name, i) => {
    const mask = readPng(shared(`golden/clip/parsing/frame-${four(i)}-mask.png`))
    const face = readPng(shared(`golden/clip/faces/${name}.png`))
    const out = composed(frames[i]!, face, withChin(boxes[i]!), mask)
    expect(out.data).toEqual(readPng(shared(`golden/clip/blended/${name}.png`)).data)
  })
})

function four(i: number): string {
  return String(i).padStart(4, '0')
}

/** All frames of a lossless clip as RGB. */
function readFrames(file: string, width: number, height: number): Image[] {
  const args = ['-v', 'error', '-i', file, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 2 ** 28 })
  const size = width * height * 3
  return Array.from({ length: raw.length / size }, (_, i) =>
    image(width, height, 3, new Uint8Array(raw.subarray(i * size, (i + 1) * size))),
  )
}
