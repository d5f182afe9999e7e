import { coefficients } from '../color/color-matrix.ts'
import { FACE_SIDE, HEAD_SIDE } from '../crop-face.ts'
import { yuvBytes } from '../yuv.ts'
import type { Box } from '../image.ts'
import type { PixelCall } from './pixel-thread.ts'

const SIDE = 640 // px of the frame
const BOX: Box = [220, 220, 420, 420]
const WINDOW: Box = [96, 96, 544, 544]
const ROUNDS = 12 // V8 compiles vector code well once it has gone over some 13 MB

/** What a thread does with twelve made-up frames: then all that it runs often is compiled. */
export function warmUpCalls(): PixelCall[] {
  const shared = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes))
  const color = coefficients({ matrix: 'bt709', range: 'limited' })
  const layout = { width: SIDE, height: SIDE, color }
  const frame = shared(yuvBytes(SIDE, SIDE)).fill(128)
  const window = shared(3 * (WINDOW[2] - WINDOW[0]) * (WINDOW[3] - WINDOW[1]))
  const face = shared(3 * FACE_SIDE * FACE_SIDE)
  const head = shared(3 * HEAD_SIDE * HEAD_SIDE)
  const classes = shared(HEAD_SIDE * HEAD_SIDE).fill(1)
  const mask = { bits: shared(classes.length / 8).fill(255) }
  const round: PixelCall[] = [
    { operation: 'extractRgb', args: [frame, layout, WINDOW, window] },
    { operation: 'cropFace', args: [frame, layout, BOX, { face, head }] },
    { operation: 'packMask', args: [classes, 'jaw'] },
    {
      operation: 'pasteFace',
      args: [frame, layout, { face, box: BOX, mask, weight: 1, matchTone: true }],
    },
  ]
  return Array.from({ length: ROUNDS }, () => round).flat()
}
