import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { referenceBoxOf } from '../../handler/render/face/face-box.ts'
import { renderTools } from '../helpers/render-tools.ts'
import { faceEncoder } from '../../handler/render/face/face-encoder.ts'
import type { VideoInfo } from '../../handler/render/media/media-info.ts'
import type { Bundle } from '../../models/inference/bundle.ts'
import type { Models } from '../../models/inference/models.ts'
import { classMask } from '../reference/parsing-mask.ts'
import { image, type Box, type Image } from '../../models/pixels/image.ts'
import { faceMask } from '../reference/blend-mask.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { testFfmpeg } from '../helpers/media/media.ts'
import { canCompare, clipBoxes, four, NEEDS, openParity, u8 } from '../helpers/models/parity.ts'
import { swapped } from '../helpers/media/test-pattern.ts'
import { readPng } from '../helpers/media/png.ts'
import { readRgb } from '../helpers/media/read-rgb.ts'
import { shared } from '../helpers/fixture-paths.ts'

describe.skipIf(!canCompare)(`parsed faces ${NEEDS}`, () => {
  const parsed = [0, 20, 39]
  const facts = { width: 576, height: 768, pixelFormat: 'rgb24', color: {} } as VideoInfo
  let bundle: Bundle
  let frames: Image[]
  beforeAll(async () => {
    bundle = await openParity()
    frames = await readRgb(await testFfmpeg(), shared('golden/clip/frames.mkv'))
  })
  afterAll(() => bundle?.[Symbol.asyncDispose]())

  const recordOf = async (models: Models, { data }: Image, box: Box): Promise<Uint8Array> => {
    const encode = faceEncoder(facts, 'jaw', 1, { models, ...renderTools() })
    const [record] = await encode([{ frame: data, box, landmarks: () => new Float32Array(0) }])
    return record!
  }
  const boxOf = (i: number): Box => referenceBoxOf(clipBoxes()[i]!, bundle.manifest.crop, facts)!

  /** What the pipeline feeds to `parse` for a frame, and what comes out. */
  async function parse(frame: Image, box: Box): Promise<{ head: Uint8Array; classes: Image }> {
    let [head, classes]: (Uint8Array | undefined)[] = []
    const watched: Models = {
      ...bundle,
      async run(graph, feeds) {
        const outputs = await bundle.run(graph, feeds)
        if (graph === 'parse') {
          head = Object.values(feeds)[0]!.data as Uint8Array
          classes = outputs['classes']!.data as Uint8Array
        }
        return outputs
      },
    }
    await recordOf(watched, frame, box)
    return { head: head!, classes: image(512, 512, 1, classes) }
  }
  const goldenClasses = (i: number) =>
    readPng(shared(`golden/clip/parsing/frame-${four(i)}-classes.png`))

  test('have the reference’s classes, and its masks', async () => {
    const [off, least, levels]: number[][] = [[], [], []]
    for (const i of parsed) {
      const { classes } = await parse(frames[i]!, boxOf(i))
      const wanted = goldenClasses(i)
      off!.push(difference(classes.data, wanted.data).off)
      least!.push(overlap(classMask(classes, 'jaw'), classMask(wanted, 'jaw')))
      const mask = faceMask(classMask(classes, 'jaw'), boxOf(i))
      const reference = readPng(shared(`golden/clip/parsing/frame-${four(i)}-mask.png`))
      levels!.push(difference(mask.data, reference.data).mean)
    }
    const what = 'class maps of three frames'
    const worst = (figures: number[] | undefined) => Math.max(...figures!)
    const share = { figure: '% of pixels that differ', found: 100 * worst(off), limit: 0.1 }
    measured({ check: '15', what, ...share, golden: (100 * 45) / 512 ** 2 })
    const missed = { figure: '1 - intersection over union', found: 1 - Math.min(...least!) }
    measured({ check: '15', what: 'jaw masks of three frames', ...missed, limit: 1e-3 })
    const mean = { figure: 'mean, levels', found: worst(levels), limit: 0.05 }
    measured({ check: '16', what: 'feathered masks, classes and all', ...mean })
  })
  test('show red and blue that were swapped', async () => {
    const { head } = await parse(frames[0]!, boxOf(0))
    const turned = swapped(image(512, 512, 3, head))
    const name = bundle.graphs.parse!.inputs[0]!.name
    const { classes } = await bundle.run('parse', { [name]: u8([1, 512, 512, 3], turned.data) })
    const { off } = difference(classes!.data, goldenClasses(0).data)
    const figure = { figure: '% of pixels that differ', found: 100 * off, limit: 0.1 }
    measured({ check: '15', what: 'head with red and blue swapped', ...figure, control: true })
  })
  test('keep their mask in the record, bit for bit', async () => {
    const { classes } = await parse(frames[0]!, boxOf(0))
    const record = await recordOf(bundle, frames[0]!, boxOf(0))
    const bits = record.subarray(record.length - (512 * 512) / 8)
    const set = Array.from({ length: 512 * 512 }, (_, i) => ((bits[i >> 3]! >> (i & 7)) & 1) * 255)
    expect(difference(set, classMask(classes, 'jaw').data).off).toBe(0)
  })
})

/** Intersection over union of two masks. */
function overlap(a: Image, b: Image): number {
  let [both, either] = [0, 0]
  for (let i = 0; i < a.data.length; i++) {
    if (a.data[i] && b.data[i]) both++
    if (a.data[i] || b.data[i]) either++
  }
  return both / either
}
