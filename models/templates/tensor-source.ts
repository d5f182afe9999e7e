import { CheckpointError } from '../checkpoints/errors.ts'
import type { Checkpoint, CheckpointTensor } from '../checkpoints/checkpoint.ts'
import type { SlotRecipe } from './recipe.ts'

/** Floats of a piece. */
const CHUNK = 1 << 20

/** The tensors of one checkpoint under the names and in the shapes of a recipe. */
export interface TensorSource {
  /** The checkpoint's. */
  file: string
  shapeOf(name: string): readonly number[]
  /** @returns all its elements */
  load(name: string): Promise<Float32Array>
  /** Piece by piece; a piece is overwritten when the one after the next is asked for. */
  stream(name: string): AsyncGenerator<Float32Array>
}

/**
 * Match the tensors that a recipe names with those of a checkpoint.
 *
 * Axes of length 1 do not count: some writers keep a matrix as a 1x1 convolution.
 * @throws CheckpointError naming the first tensor that is missing or of another shape
 */
export function matchTensors(checkpoint: Checkpoint, recipe: SlotRecipe): TensorSource {
  const [misfit] = misfitsOf(checkpoint, recipe)
  if (misfit) throw misfit
  const found = (name: string) => findTensor(checkpoint, recipe, name)!
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    new Uint8Array(buffer, byteOffset, byteLength)
  return {
    file: checkpoint.file,
    shapeOf: (name) => recipe.tensors[name]!,
    async load(name) {
      const tensor = found(name)
      const floats = new Float32Array(tensor.bytes / 4)
      await checkpoint.read(tensor, bytesOf(floats), 0)
      return floats
    },
    async *stream(name) {
      const tensor = found(name)
      const length = tensor.bytes / 4
      const chunks = [
        new Float32Array(Math.min(CHUNK, length)),
        new Float32Array(Math.min(CHUNK, length)),
      ]
      const read = async (at: number, into: Float32Array) => {
        const piece = into.subarray(0, Math.min(CHUNK, length - at))
        await checkpoint.read(tensor, bytesOf(piece), at * 4)
        return piece
      }
      let next = read(0, chunks[0]!)
      try {
        for (let at = 0, turn = 1; at < length; at += CHUNK, turn++) {
          const piece = await next
          if (at + CHUNK < length) next = read(at + CHUNK, chunks[turn % 2]!)
          yield piece
        }
      } finally {
        // Whoever stops early may close the file next.
        await next.catch(() => {})
      }
    },
  }
}

/** What a checkpoint lacks of a recipe, or has in another shape. */
export function misfitsOf(checkpoint: Checkpoint, recipe: SlotRecipe): CheckpointError[] {
  return Object.entries(recipe.tensors).flatMap(([name, shape]) => {
    const tensor = findTensor(checkpoint, recipe, name)
    const expected = `"${name}", float32 [${shape}]`
    if (!tensor) return new CheckpointError(checkpoint.file, `no "${name}"`, expected)
    const { dtype } = tensor
    if (dtype === 'float32' && `${squeeze(tensor.shape)}` === `${squeeze(shape)}`) return []
    const has = `"${tensor.name}", ${dtype} [${tensor.shape}]`
    return new CheckpointError(checkpoint.file, has, expected)
  })
}

const findTensor = (
  { tensors }: Checkpoint,
  { aliases }: SlotRecipe,
  name: string,
): CheckpointTensor | undefined => tensors.get(name) ?? tensors.get(rename(name, aliases))

const EXPONENT = 0x7f800000

/**
 * The same tensors, refused where a value is infinite or none: a training that broke off so.
 * Whoever published the official files would have seen it.
 */
export function finiteOnly(source: TensorSource): TensorSource {
  const check = (name: string, floats: Float32Array) => {
    const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length)
    for (let i = 0; i < bits.length; i++) {
      if ((bits[i]! & EXPONENT) !== EXPONENT) continue
      throw new CheckpointError(source.file, `${floats[i]} in "${name}"`, 'finite numbers alone')
    }
    return floats
  }
  return {
    ...source,
    load: async (name) => check(name, await source.load(name)),
    async *stream(name) {
      for await (const piece of source.stream(name)) yield check(name, piece)
    },
  }
}

const rename = (name: string, aliases: Record<string, string>) =>
  Object.entries(aliases).reduce((made, [from, to]) => made.replaceAll(from, to), name)

const squeeze = (shape: readonly number[]) => shape.filter((length) => length !== 1)
