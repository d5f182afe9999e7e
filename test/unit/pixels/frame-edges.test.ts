import { describe, expect, test } from 'vitest'
import { referenceBoxOf, type Region } from '../../../handler/render/face/face-box.ts'
import { frameFormatFor } from '../../../handler/render/frames/frame-format.ts'
import { renderTools } from '../../helpers/render-tools.ts'
import { faceEncoder } from '../../../handler/render/face/face-encoder.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import type { Models } from '../../../models/inference/models.ts'
import { image, type Box } from '../../../models/pixels/image.ts'
import { createPixelOperations } from '../../../models/pixels/pixel-operations.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import { MANIFEST } from '../../helpers/models/fake-models.ts'
import { crc, pattern } from '../../helpers/media/test-pattern.ts'
import { readPng } from '../../helpers/media/png.ts'
import { golden } from '../../helpers/fixture-paths.ts'

const [WIDTH, HEIGHT] = [576, 768]
const facts = { width: WIDTH, height: HEIGHT, pixelFormat: 'rgb24', color: {} } as VideoInfo
const margin = { chin_margin_px: 10, chin_margin_share: 0 }
const classes = readPng(golden('masks/classes.png'))

/** Models that note what they are fed with; the parsed head is always the drawn one. */
function notingModels() {
  const fed: Record<string, Tensor> = {}
  const port = (name: string) => ({
    ...{ device: 'cpu' as const, outputs: [] },
    inputs: [{ name, type: 'uint8', shape: [] }],
  })
  const models: Models = {
    manifest: { ...MANIFEST, states: [] },
    id: '',
    graphs: { encode: port('crop'), parse: port('image') },
    async run(graph, feeds): Promise<Tensors> {
      Object.assign(fed, feeds)
      if (graph === 'encode') return {}
      return { classes: { type: 'uint8', dims: [1, 512, 512], data: classes.data } }
    },
  }
  return { models, fed }
}

/**
 * Box of the job; box with the chin; CRC-32 of the 256x256 crop, of the 512x512 head and of the
 * composed picture. Made with MuseTalk's get_image on Pillow 13.0 and OpenCV 5.0, RGB bytes.
 */
const CASES: [string, Region, Box, string, string, string][] = [
  ['passes the right edge', [500, 300, 620, 460], [500, 300, 620, 470], '07f62da6', '53332999', '8efb3e31'], // prettier-ignore
  ['passes the lower edge', [480, 650, 600, 790], [480, 650, 600, 768], '40d8916a', '88999558', 'bc9bcea5'], // prettier-ignore
  ['lies in the upper left corner', [0, 0, 90, 100], [0, 0, 90, 110], '08bcfa96', '8f6bc8b7', '8faaad32'], // prettier-ignore
  ['passes the lower right corner', [560, 700, 577, 760], [560, 700, 577, 768], 'b7cb5cc5', '1b43b904', 'dda0bb79'], // prettier-ignore
  ['is tiny', [100, 100, 106, 104], [100, 100, 106, 114], 'c98b4098', 'eaa36b77', '31661bec'], // prettier-ignore
  ['is one pixel wide', [300, 400, 301, 408], [300, 400, 301, 418], '04fc1b08', 'da9cb374', '782cd89b'], // prettier-ignore
  ['is three pixels wide', [20, 30, 23, 31], [20, 30, 23, 41], '4eea9daa', '6c2543d8', '9b63fdc3'],
]

describe("MuseTalk's own cut and paste where a box", () => {
  test.each(CASES)('%s', async (_, region, expected, cropCrc, headCrc, composedCrc) => {
    const box = referenceBoxOf(region, margin, facts)!
    expect(box).toEqual(expected)
    const frame = pattern(WIDTH, HEIGHT)
    const { models, fed } = notingModels()
    const encode = faceEncoder(facts, 'raw', 1, { models, ...renderTools() })
    await encode([{ frame: frame.data, box, landmarks: () => new Float32Array(0) }])
    expect(crc(image(256, 256, 3, fed['crop']!.data as Uint8Array))).toBe(cropCrc)
    expect(crc(image(512, 512, 3, fed['image']!.data as Uint8Array))).toBe(headCrc)

    const operations = createPixelOperations()
    const bits = operations.packMask(classes.data, 'raw')
    const face = readPng(golden('masks/face.png')).data
    const { layout } = frameFormatFor(facts)
    operations.pasteFace(frame.data, layout, { face, box, mask: { bits }, weight: 1 })
    expect(crc(frame)).toBe(composedCrc)
  })

  test.each<[string, Region]>([
    ['lies beside the frame', [576, 100, 700, 300]],
    ['lies below it', [100, 768, 200, 900]],
    ['is too small to be cut out', [10, 10, 13, 10]],
  ])('%s there is no face', (_, region) => {
    const noMargin = { chin_margin_px: 3, chin_margin_share: 0 }
    expect(referenceBoxOf(region, noMargin, facts)).toBeUndefined()
  })
})
