import type { BinaryFile } from './binary-file.ts'
import type { Checkpoint, CheckpointFormat, CheckpointTensor } from './checkpoint.ts'
import { denseStrides, ITEM_BYTES, type DType } from './element-types.ts'
import { readStrided } from './strided-read.ts'

/** A tensor and where it lies. */
export interface PlacedTensor {
  name: string
  dtype: DType
  shape: readonly number[]
  /** In elements; dense and row-major where absent. */
  strides?: readonly number[]
  /** Byte of the file at which its first element lies, or its dense bytes themselves. */
  at: number | Uint8Array
  /** End of the bytes of the file that it may take from. */
  end: number
}

const MAX_TENSORS = 100_000
export const MAX_AXES = 16
/** Of all tensors together, in sizes of the file: tied weights share bytes, a few times. */
const MAX_SHARING = 4

/**
 * Tensors of an open file, all proven to lie where they may.
 * @throws CheckpointError naming the tensor that does not
 */
export function placeTensors(
  file: BinaryFile,
  format: CheckpointFormat,
  placed: readonly PlacedTensor[],
): Checkpoint {
  if (placed.length > MAX_TENSORS) {
    file.fail(`${placed.length} tensors`, `at most ${MAX_TENSORS}`)
  }
  const places = new Map<string, CheckpointTensor & { at: number | Uint8Array }>()
  let total = 0
  for (const tensor of placed) {
    const { name, dtype, shape, at } = tensor
    if (places.has(name))
      file.fail(`two tensors named ${quote(name)}`, 'a name of its own for each')
    const strides = tensor.strides ?? denseStrides(shape)
    const bytes = checkExtent(file, { ...tensor, strides })
    total += bytes
    places.set(name, { name, dtype, shape, strides, bytes, at })
  }
  if (total > MAX_SHARING * file.size) {
    file.fail(
      `tensors of ${total} bytes in ${file.size} bytes`,
      `at most ${MAX_SHARING} times as many`,
    )
  }
  return {
    file: file.path,
    format,
    tensors: places,
    async read(tensor, target, at) {
      const place = places.get(tensor.name)!
      if (at < 0 || at + target.length > place.bytes) {
        throw new RangeError(`${tensor.name} has ${place.bytes} bytes`)
      }
      if (typeof place.at !== 'number') return target.set(place.at.subarray(at, at + target.length))
      await readStrided(file, { ...place, at: place.at }, target, at)
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

/** @returns bytes of the dense tensor */
function checkExtent(file: BinaryFile, tensor: PlacedTensor & { strides: readonly number[] }) {
  const { name, dtype, shape, strides, at, end } = tensor
  const item = ITEM_BYTES[dtype]
  const sizes = [...shape, ...strides]
  if (
    shape.length > MAX_AXES ||
    strides.length !== shape.length ||
    !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)
  ) {
    file.fail(`${quote(name)} of shape [${shape}], strides [${strides}]`, 'sizes of a tensor')
  }
  const bytes = shape.reduce((product, size) => product * size, item)
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0)
  const taken = bytes === 0 ? 0 : (last + 1) * item
  const room = typeof at === 'number' ? end - at : at.length
  // Expanded tensors, whose strides are 0, may be larger than their storage, but no weight is so.
  if (taken > room || bytes > file.size + (typeof at === 'number' ? 0 : at.length)) {
    file.fail(
      `${quote(name)} of ${bytes} bytes, reaching over ${taken}, where ${room} are`,
      'a tensor inside its storage',
    )
  }
  return bytes
}

/** A name from a file, fit to stand in a message. */
export const quote = (name: string): string => JSON.stringify(name.slice(0, 120))
