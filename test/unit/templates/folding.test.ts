import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { foldNormBias, foldNormWeight, foldTimeBias } from '../../../models/templates/folding.ts'
import { golden } from '../../helpers/fixture-paths.ts'

type Arrays = Record<string, string>
const folds = JSON.parse(readFileSync(golden('folds.json'), 'utf8')) as Record<string, Arrays>

function floats(group: string, name: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(folds[group]![name]!, 'base64')).buffer)
}
const encode = (made: Float32Array) => Buffer.from(made.buffer).toString('base64')
const norm = (name: string) => floats('norm', name)
const time = (name: string) => floats('time', name)
const EPSILON = 1e-5

test('norms are folded to the bit as numpy folds them', () => {
  const weight = foldNormWeight([norm('convolution'), norm('weight'), norm('variance')], EPSILON)
  expect(encode(weight)).toBe(folds['results']!['norm-weight'])
  const all = [norm('weight'), norm('bias'), norm('mean'), norm('variance')] as const
  expect(encode(foldNormBias(all, EPSILON))).toBe(folds['results']!['norm-bias'])
})

test('so is the embedding of time step 0', () => {
  const bias = foldTimeBias([
    ...([time('bias'), time('projection.weight'), time('projection.bias')] as const),
    ...([time('1.weight'), time('1.bias'), time('2.weight'), time('2.bias')] as const),
  ])
  expect(encode(bias)).toBe(folds['results']!['time-bias'])
})
