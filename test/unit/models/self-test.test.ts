import { expect, test } from 'vitest'
import type { Models } from '../../../models/inference/models.ts'
import { ModelError } from '../../../models/inference/errors.ts'
import type { GraphName } from '../../../models/inference/manifest.ts'
import { selfTest } from '../../../models/inference/self-test.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import { MANIFEST } from '../../helpers/models/fake-models.ts'

/** Models that answer every run with `outputs` and keep what they were fed. */
function models(selfTest: unknown[], outputs: Tensors = {}) {
  const fed: { graph: GraphName; feeds: Tensors }[] = []
  const fake: Models = {
    ...{ manifest: { ...MANIFEST, selfTest }, id: '', graphs: {} },
    run: async (graph, feeds) => {
      fed.push({ graph, feeds })
      return outputs
    },
  }
  return { fake, fed }
}

const floats = (...values: number[]): Tensor => ({
  ...{ type: 'float32', dims: [values.length] },
  data: Float32Array.from(values),
})
const golden = { dims: [2], mean: 2, at: [[1, 3]], tolerance: 0.01 }
const expecting = (numbers: unknown) => [
  { graph: 'listen', feeds: {}, expect: { states: numbers } },
]

test('feeds are made by their rules, and an earlier output can be fed again', async () => {
  const ellipse = [2, 1, 1, 1, 9, 8, 7] // around the middle of a picture of 4x2
  const { fake, fed } = models(
    [
      {
        graph: 'encode',
        feeds: {
          ramp: { rule: 'ramp', dims: [300] },
          wave: { rule: 'wave', dims: [2, 3] },
          data: { rule: 'data', dims: [2, 1], data: [0.5, -2] },
          ellipses: {
            rule: 'ellipses',
            dims: [2, 4, 3],
            background: [1, 2, 3],
            ellipses: [ellipse],
          },
        },
        expect: {},
      },
      { graph: 'generate', feeds: { shape: { rule: 'from', of: 'encode.shape' } }, expect: {} },
    ],
    { shape: floats(1, 3) },
  )
  await selfTest(fake)
  const { ramp, wave, data, ellipses } = fed[0]!.feeds
  expect([...ramp!.data.subarray(0, 3)]).toEqual([0, 7, 14])
  expect(ramp!.data[299]).toBe((7 * 299 + 13) & 255)
  expect(wave).toMatchObject({ type: 'float32', dims: [2, 3] })
  expect(wave!.data[5]).toBeCloseTo(0.5 * Math.sin(0.25) * Math.sin(0.0015), 9)
  expect(data).toEqual({ type: 'float32', dims: [2, 1], data: Float32Array.of(0.5, -2) })
  const reds = [...(ellipses!.data as Uint8Array)].filter((_, i) => i % 3 === 0)
  expect(reds).toEqual([1, 9, 9, 1, 1, 9, 9, 1])
  expect(fed[1]).toEqual({ graph: 'generate', feeds: { shape: floats(1, 3) } })
})

test('numbers within the tolerance pass', async () => {
  await selfTest(models(expecting(golden), { states: floats(1.005, 3.005) }).fake)
})

test.each([
  [
    'a value',
    floats(1, 3.02),
    /graph "listen", output "states": expected at 1 3 ± 0.01, found 3.0/,
  ],
  ['the mean', floats(0.9, 3), /expected mean 2 ± 0.01, found 1.95/],
  ['dims', floats(1, 3, 2), /expected dims \[2\], found \[3\]/],
  ['not a number', floats(1, NaN), /found NaN/],
])('%s that differs is named with expected and found', async (_, states, message) => {
  const told = await selfTest(models(expecting(golden), { states }).fake).catch((error) => error)
  expect(told).toBeInstanceOf(ModelError)
  expect(told.kind).toBe('bundle')
  expect(told.message).toMatch(message)
})

test('a missing output and a feed that nobody made are named', async () => {
  await expect(selfTest(models(expecting(golden)).fake)).rejects.toThrow(/"states".*no such output/)
  const early = [
    { graph: 'clip', feeds: { shape: { rule: 'from', of: 'encode.shape' } }, expect: {} },
  ]
  await expect(selfTest(models(early).fake)).rejects.toThrow(/feeds "encode.shape"/)
})

test('whole numbers keep their mean within a quarter', async () => {
  const levels = { dims: [2], mean: 11, at: [], tolerance: 2 }
  const bytes: Tensor = { type: 'uint8', dims: [2], data: Uint8Array.of(11, 13) }
  await expect(selfTest(models(expecting(levels), { states: bytes }).fake)).rejects.toThrow(/± 0.5/)
})

test.each<[string, Tensor, RegExp | undefined]>([
  ['numbers', floats(1, 1), undefined],
  ['a face of two levels', { type: 'uint8', dims: [2], data: Uint8Array.of(0, 1) }, undefined],
  ['nothing at all', { type: 'uint8', dims: [0], data: new Uint8Array() }, undefined],
  ['no number', floats(1, NaN), /expected numbers, found NaN at 1/],
  ['infinity', floats(-Infinity), /expected numbers, found -Infinity at 0/],
])('a result without golden numbers: %s', async (_, states, message) => {
  const run = selfTest(models([{ graph: 'listen', feeds: {}, expect: {} }], { states }).fake)
  await (message ? expect(run).rejects.toThrow(message) : run)
})

test('a face of one level is none', async () => {
  const face: Tensor = { type: 'uint8', dims: [3], data: Uint8Array.of(0, 0, 0) }
  const run = selfTest(models([{ graph: 'generate', feeds: {}, expect: {} }], { face }).fake)
  await expect(run).rejects.toThrow(
    /"generate", output "face": expected a face, found nothing but 0/,
  )
})

test('an entry that is none is refused', async () => {
  await expect(selfTest(models([{ graph: 'lips' }]).fake)).rejects.toThrow(
    /self-test is not readable/,
  )
})
