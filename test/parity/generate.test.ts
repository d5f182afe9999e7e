/** Faces may be one level off, on few bytes. @param golden the share that the golden data's maker found, in % */
function near(what: string, max: number, off: number, golden?: number) {
  const check = '13, 14'
  const share = { found: 100 * off, limit: 0.5, ...(golden !== undefined && { golden }) }
  measured({ check, what, figure: 'max, levels', found: max, limit: 1 })
  measured({ check, what, figure: '% of bytes that differ', ...share })
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bundle } from '../../models/inference/bundle.ts'
import { image, type Image } from '../../models/pixels/image.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { item, readNpy, type Array32 } from '../helpers/media/npy.ts'
import { canCompare, f32, four, json, KEPT, NEEDS, openParity } from '../helpers/models/parity.ts'
import { swapped } from '../helpers/media/test-pattern.ts'
import { readPng } from '../helpers/media/png.ts'
import { golden, shared } from '../helpers/fixture-paths.ts'

describe.skipIf(!canCompare)(`generated faces ${NEEDS}`, () => {
  let bundle: Bundle
  let faces: Image[]
  const latents = canCompare ? readNpy(shared('golden/clip/unet-in.npy')) : undefined!
  const prompts = canCompare ? readNpy(shared('golden/clip/unet-prompts.npy')) : undefined!
  const wrong = canCompare ? json('golden/clip/clip.json').face_error_of_wrong_wiring : {}
  const reference = (name: string) => readPng(shared(`golden/clip/faces/${name}.png`))

  /** The faces of latents [n,8,32,32] and prompts [n,50,384]. */
  async function draw(latent: Array32, prompt: Array32): Promise<Image[]> {
    const { face } = await bundle.run('generate', { latent: f32(latent), prompt: f32(prompt) })
    const bytes = face!.data as Uint8Array
    const size = 256 * 256 * 3
    return Array.from({ length: latent.shape[0]! }, (_, i) =>
      image(256, 256, 3, bytes.subarray(i * size, (i + 1) * size)),
    )
  }
  const first = ({ shape, data }: Array32): Array32 => ({
    shape: [1, ...shape.slice(1)],
    data: data.slice(0, data.length / shape[0]!),
  })

  beforeAll(async () => {
    bundle = await openParity()
    faces = await draw(latents, prompts)
  })
  afterAll(() => bundle?.[Symbol.asyncDispose]())

  test('equal the reference’s, from its latents and prompts', () => {
    const all = KEPT.map((output, i) =>
      difference(faces[i]!.data, reference(`ref-${four(output)}`).data),
    )
    const what = 'eight faces, from the reference’s latents and prompts'
    const max = Math.max(...all.map((d) => d.max))
    const off = all.reduce((sum, d) => sum + d.off, 0) / all.length
    near(what, max, off, 0.04)
  })
  test('do not depend on the batch', async () => {
    const alone = await draw(first(latents), first(prompts))
    const { max, off } = difference(alone[0]!.data, faces[0]!.data)
    const what = 'a face made alone against the same in a batch of eight'
    near(what, max, off)
  })
  test('index latents by frame where a frame before has no face', async () => {
    const latent = item(readNpy(shared('golden/clip/latents.npy')), 3) // frame 39, shown by output 40
    const [face] = await draw(
      { shape: [1, ...latent.shape], data: latent.data },
      { shape: [1, 50, 384], data: item(prompts, 5).data },
    )
    const { max, off } = difference(face!.data, reference('aligned-0040').data)
    const what = 'face of output 40 from the latent of its own frame'
    near(what, max, off)
  })

  /** Each mistake must be far outside the tolerance; the reference made the same ones. */
  const control = async (what: string, check: string, mistaken: Image, known?: number) => {
    const { mean, overOne } = difference(mistaken.data, reference('ref-0000').data)
    const figure = { check, what, control: true as const }
    measured({
      ...figure,
      figure: '% of bytes off by more than 1',
      found: 100 * overOne,
      limit: 0.5,
    })
    const levels = { figure: 'mean, levels', found: mean, limit: 1 }
    measured({ ...figure, ...levels, ...(known !== undefined && { golden: known }) })
    if (known !== undefined) expect(mean).toBeCloseTo(known, 1)
  }
  test('show latent halves that were swapped', async () => {
    const { shape, data } = first(latents)
    const half = data.length / 2
    const turned = new Float32Array([...data.subarray(half), ...data.subarray(0, half)])
    const [face] = await draw({ shape, data: turned }, first(prompts))
    await control('latent halves swapped', '12', face!, wrong.halves_swapped)
  })
  test('show a missing positional encoding', async () => {
    const { shape, data } = first(prompts)
    // The graph adds it; taking it away beforehand leaves none.
    const code = readNpy(golden('audio/positional-encoding.npy')).data
    const without = data.map((value, i) => value - code[i % code.length]!)
    const [face] = await draw(first(latents), { shape, data: without })
    await control('positional encoding dropped', '6', face!, wrong.no_positional_encoding)
  })
  test('show prompts that are layer by layer', async () => {
    const { shape, data } = first(prompts)
    const turned = data.map((_, i) => {
      const [row, channel] = [Math.floor(i / 384), i % 384]
      return data[((row % 10) * 5 + Math.floor(row / 10)) * 384 + channel]!
    })
    const [face] = await draw(first(latents), { shape, data: turned })
    await control('prompt layer by layer', '5', face!, wrong.prompt_layer_major)
  })
  test('show red and blue that were swapped', async () => {
    await control('face with red and blue swapped', '20', swapped(faces[0]!))
  })
})
