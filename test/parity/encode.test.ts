import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Bundle } from '../../models/inference/bundle.ts'
import { image, type Image } from '../../models/pixels/image.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { item, readNpy } from '../helpers/media/npy.ts'
import { canCompare, four, json, NEEDS, openParity, u8 } from '../helpers/models/parity.ts'
import { swapped } from '../helpers/media/test-pattern.ts'
import { readPng } from '../helpers/media/png.ts'
import { shared } from '../helpers/fixture-paths.ts'

/** The masked latent has 4 channels, the whole face's follow. */
const HALF = 4 * 32 * 32

describe.skipIf(!canCompare)(`latents ${NEEDS}`, () => {
  let bundle: Bundle
  const frames: number[] = canCompare ? json('golden/clip/clip.json').latent_frames : []
  const crops = frames.map((i) => readPng(shared(`golden/clip/crops/${four(i)}.png`)))
  const golden = frames.map((_, k) => item(readNpy(shared('golden/clip/latents.npy')), k).data)

  async function encode(crop: Image): Promise<{ masked: Float32Array; whole: Float32Array }> {
    const { latent } = await bundle.run('encode', { crop: u8([1, 256, 256, 3], crop.data) })
    const data = latent!.data as Float32Array
    return { masked: data.subarray(0, HALF), whole: data.subarray(HALF) }
  }
  /** A crop whose lower half is filled with one level: what the masked half is made from. */
  const filled = ({ data }: Image, level: number): Image =>
    image(256, 256, 3, data.slice().fill(level, data.length / 2))

  beforeAll(async () => {
    bundle = await openParity()
  })
  afterAll(() => bundle?.[Symbol.asyncDispose]())

  test('of the reference’s crops equal its latents', async () => {
    const halves = { masked: [] as number[][], whole: [] as number[][] }
    for (const [k, crop] of crops.entries()) {
      const found = await encode(crop)
      const masked = difference(found.masked, golden[k]!.subarray(0, HALF))
      const whole = difference(found.whole, golden[k]!.subarray(HALF))
      halves.masked.push([masked.max, masked.mean])
      halves.whole.push([whole.max, whole.mean])
    }
    const worst = (figures: number[][], k: number) => Math.max(...figures.map((f) => f[k]!))
    const row = (what: string, figure: string, found: number, limit: number, known: number) =>
      measured({ check: '11', what, figure, found, limit, golden: known })
    row('latent of the masked face', 'max', worst(halves.masked, 0), 5e-3, 1.7e-3)
    row('latent of the masked face', 'mean', worst(halves.masked, 1), 1e-4, 1.2e-4)
    row('latent of the whole face', 'max', worst(halves.whole, 0), 2e-4, 4.4e-5)
    row('latent of the whole face', 'mean', worst(halves.whole, 1), 1e-4, 3.6e-6)
  })

  // The masked picture is made inside the graph; the whole one is not, so it can be given any fill.
  test('of a masked face are those of a face whose lower half is black', async () => {
    const { whole } = await encode(filled(crops[0]!, 0))
    const { max, mean } = difference(whole, golden[0]!.subarray(0, HALF))
    const what = 'latent of a face with a black lower half against the masked one'
    measured({ check: '11', what, figure: 'max', found: max, limit: 5e-3 })
    measured({ check: '11', what, figure: 'mean', found: mean, limit: 1e-4 })
  })
  const control = (what: string, found: Float32Array, wanted: Float32Array) => {
    const { max, mean } = difference(found, wanted)
    measured({ check: '11', what, figure: 'max', found: max, limit: 5e-3, control: true })
    measured({ check: '11', what, figure: 'mean', found: mean, limit: 1e-4, control: true })
  }
  test.each([127, 128])('show a lower half that is gray, level %i', async (level) => {
    const { whole } = await encode(filled(crops[0]!, level))
    control(`lower half filled with gray (${level})`, whole, golden[0]!.subarray(0, HALF))
  })
  test('show red and blue that were swapped', async () => {
    const { masked, whole } = await encode(swapped(crops[0]!))
    control('crop with red and blue swapped, masked', masked, golden[0]!.subarray(0, HALF))
    control('crop with red and blue swapped, whole', whole, golden[0]!.subarray(HALF))
  })
  test('show halves that were swapped', async () => {
    const { masked, whole } = await encode(crops[0]!)
    control('halves swapped', new Float32Array([...whole, ...masked]), golden[0]!)
  })
})
