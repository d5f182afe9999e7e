import { CheckpointError } from '../checkpoints/errors.ts'
import { foldNormBias, foldNormWeight, foldTimeBias } from './folding.ts'
import { permuteAxes } from './permutation.ts'
import type { WeightRecipe } from './recipe.ts'
import type { TensorSource } from './tensor-source.ts'

/**
 * The bytes of one weight of a graph, piece by piece; a piece is overwritten soon after the next is asked for.
 * @throws CheckpointError, also where a value does not fit into half precision
 */
export async function* makeWeight(
  weight: WeightRecipe,
  source: TensorSource,
): AsyncGenerator<Uint8Array> {
  for await (const floats of makeFloats(weight, source)) {
    yield weight.half ? halve(floats, weight, source) : bytesOf(floats)
  }
}

async function* makeFloats(
  weight: WeightRecipe,
  source: TensorSource,
): AsyncGenerator<Float32Array> {
  const { permute, row, tensors } = weight
  if (weight.make === 'copy' && !permute && row === undefined)
    return yield* source.stream(tensors[0])
  const whole = await makeWhole(weight, source)
  const shape = source.shapeOf(tensors[0])
  const each = whole.length / shape[0]!
  const floats = row === undefined ? whole : whole.subarray(row * each, (row + 1) * each)
  if (!permute) return yield floats
  yield* permuteAxes(floats, row === undefined ? shape : shape.slice(1), permute)
}

async function makeWhole(weight: WeightRecipe, source: TensorSource): Promise<Float32Array> {
  const load = (name: string) => source.load(name)
  switch (weight.make) {
    case 'copy':
      return load(weight.tensors[0])
    case 'norm-weight':
      return foldNormWeight(await loadAll(weight.tensors, load), weight.epsilon)
    case 'norm-bias':
      return foldNormBias(await loadAll(weight.tensors, load), weight.epsilon)
    case 'time-bias':
      return foldTimeBias(await loadAll(weight.tensors, load))
  }
}

type Loaded<T> = { [K in keyof T]: Float32Array }
const loadAll = <T extends readonly string[]>(
  names: T,
  load: (name: string) => Promise<Float32Array>,
): Promise<Loaded<T>> => Promise.all(names.map(load)) as Promise<Loaded<T>>

const EXPONENT = 0x7c00

/** To nearest, ties to even, as the language defines it for half floats. */
function halve(
  floats: Float32Array,
  { tensors }: WeightRecipe,
  { file }: TensorSource,
): Uint8Array {
  const halves = new Float16Array(floats)
  const bits = new Uint16Array(halves.buffer)
  for (const half of bits) {
    if ((half & EXPONENT) !== EXPONENT) continue
    const found = `values beyond half precision in "${tensors[0]}"`
    throw new CheckpointError(
      file,
      found,
      'numbers below 65,520, or --precision fp32 without --cuda',
    )
  }
  return new Uint8Array(halves.buffer)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)
