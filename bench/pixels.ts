// What the pixel work of one frame costs: CPU milliseconds of the vector code, and of the scalar
// reference that it equals. Prints a table and asserts nothing. `npm run bench:pixels`
import { cropBox, ruleMask, type MaskRule } from '../models/pixels/blend-mask.ts'
import { coefficients } from '../models/pixels/color/color-matrix.ts'
import { crop, image, type Box, type Image } from '../models/pixels/image.ts'
import { createPixelOperations } from '../models/pixels/pixel-operations.ts'
import { yuvBytes, yuvFrame } from '../models/pixels/yuv.ts'
import { faceMask } from '../test/reference/blend-mask.ts'
import { blendRegion } from '../test/reference/blend-yuv.ts'
import { classMask } from '../test/reference/parsing-mask.ts'
import { resizeBilinear } from '../test/reference/resize-bilinear.ts'
import { resizeLanczos4 } from '../test/reference/resize-lanczos.ts'
import { resizePillow } from '../test/reference/resize-pillow.ts'
import { regionToRgb } from '../test/reference/yuv-to-rgb.ts'

const SIZES = [
  [576, 768],
  [1280, 720],
  [1920, 1080],
] as const
const FACE_SHARE = 0.35 // of the shorter side, as reference-cpu measures MuseTalk's own
const TRACKED = 2.25 // side of the window in which a face is followed, in faces
const RULE: MaskRule = { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 }

const color = coefficients({ matrix: 'bt709', range: 'limited' })
const classes = headOfSkin()
const face = image(
  256,
  256,
  3,
  new Uint8Array(256 * 256 * 3).map((_, i) => 90 + ((i * 31) & 63)),
)

/** Least CPU milliseconds of one call, over rounds that are long enough to be measured. */
function cpuMs(run: () => void, rounds = 7): number {
  run()
  const times = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage()
    let count = 0
    let spent = 0
    while (spent < 40_000) {
      run()
      count++
      const { user, system } = process.cpuUsage(start)
      spent = user + system
    }
    return spent / count / 1000
  })
  return Math.min(...times)
}

interface Step {
  name: string
  vector: () => void
  scalar: () => void
}

function steps(width: number, height: number): Step[] {
  const operations = createPixelOperations()
  const layout = { width, height, color }
  const frame = new Uint8Array(yuvBytes(width, height)).map((_, i) => 40 + ((i * 31) >> 3))
  const planes = yuvFrame(frame, width, height)
  const side = Math.trunc(Math.min(width, height) * FACE_SHARE)
  const [x1, y1] = [(width - side) >> 1, (height - side) >> 1]
  const box: Box = [x1, y1, x1 + side, y1 + side + 10]
  const window = squareAround(width, height, side * TRACKED)
  const around = cropBox(box)
  const [outFace, outHead] = [image(256, 256, 3), image(512, 512, 3)]
  const region = sized(window)
  const out = { face: outFace.data, head: outHead.data }
  const bits = operations.packMask(classes.data, 'jaw')
  const parsed = classMask(classes, 'jaw')
  const [cutFace, square, scaled] = [sized(box), sized(around), sized(box)]

  const cropScalar = () => {
    regionToRgb(planes, color, box, cutFace)
    resizeLanczos4(cutFace, outFace)
  }
  const pasteScalar = (mask: Image, at: Box) => {
    resizeBilinear(face, scaled)
    const moved: Box = [box[0] - at[0], box[1] - at[1], box[2] - at[0], box[3] - at[1]]
    blendRegion(planes, color, box, scaled, crop(mask, moved))
  }
  const paste = (mask: { bits: Uint8Array } | { rule: MaskRule }) =>
    operations.pasteFace(frame, layout, { face: face.data, box, mask, weight: 1 })
  return [
    {
      name: `RGB of a window, ${region.width}x${region.height}`,
      vector: () => operations.extractRgb(frame, layout, window, region.data),
      scalar: () => regionToRgb(planes, color, window, region),
    },
    {
      name: `face, ${side}x${side + 10} to 256`,
      vector: () => operations.cropFace(frame, layout, box, { face: outFace.data }),
      scalar: cropScalar,
    },
    {
      name: `face and head, ${square.width} to 512`,
      vector: () => operations.cropFace(frame, layout, box, out),
      scalar: () => {
        cropScalar()
        regionToRgb(planes, color, around, square)
        resizePillow(square, outHead, 'bilinear')
      },
    },
    {
      name: 'classes to mask',
      vector: () => operations.packMask(classes.data, 'jaw'),
      scalar: () => classMask(classes, 'jaw'),
    },
    {
      name: 'paste, parsed mask',
      vector: () => paste({ bits }),
      scalar: () => pasteScalar(faceMask(parsed, box), around),
    },
    {
      name: 'paste, mask by rule',
      vector: () => paste({ rule: RULE }),
      scalar: () => pasteScalar(ruleMask(RULE, scaled.width, scaled.height), box),
    },
  ]
}

const sized = ([x1, y1, x2, y2]: Box): Image => image(x2 - x1, y2 - y1, 3)

function squareAround(width: number, height: number, side: number): Box {
  const [x, y, half] = [width / 2, height / 2, side / 2]
  const even = (value: number) => Math.round(value / 2) * 2
  return [
    Math.max(0, even(x - half)),
    Math.max(0, even(y - half)),
    Math.min(width, even(x + half)),
    Math.min(height, even(y + half)),
  ]
}

function headOfSkin(): Image {
  const classes = image(512, 512, 1)
  for (let i = 0; i < classes.data.length; i++) {
    const [x, y] = [i & 511, i >> 9]
    if (4 * (x - 256) ** 2 + 2 * (y - 270) ** 2 < 72200) classes.data[i] = 1
    if (x > 240 && x < 272 && y > 200 && y < 280) classes.data[i] = 10
    if (x > 220 && x < 292 && y > 330 && y < 360) classes.data[i] = 12
  }
  return classes
}

const number = (value: number) => value.toFixed(2).padStart(8)
for (const [width, height] of SIZES) {
  console.log(`\n${`${width}x${height}, CPU ms`.padEnd(34)}  vector  scalar   ratio`)
  for (const { name, vector, scalar } of steps(width, height)) {
    const [fast, slow] = [cpuMs(vector), cpuMs(scalar, 3)]
    console.log(name.padEnd(32), number(fast), number(slow), number(slow / fast))
  }
}
