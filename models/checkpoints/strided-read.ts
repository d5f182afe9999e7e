import type { BinaryFile } from './binary-file.ts'
import { ITEM_BYTES, type DType } from './element-types.ts'

interface Strided {
  name: string
  dtype: DType
  shape: readonly number[]
  strides: readonly number[]
  /** Byte of the file at which the first element lies. */
  at: number
}

/** Runs of elements that lie together are read one by one from this length on. */
const LONG_RUN_BYTES = 1 << 16
/** Most memory for the bytes between the first and the last element of what is read. */
const MAX_GATHER_BYTES = 256 << 20

/**
 * Fill `target` with the elements of a tensor from byte `from` of its dense form on.
 *
 * Weights lie dense in nearly every file. Of those that do not (a transposed view, channels last) the
 * stretch that holds the wanted elements is read whole and picked from.
 * @throws CheckpointError where that stretch is beyond all measure
 */
export async function readStrided(
  file: BinaryFile,
  tensor: Strided,
  target: Uint8Array,
  from: number,
): Promise<void> {
  if (target.length === 0) return
  const { shape, strides, at } = tensor
  const item = ITEM_BYTES[tensor.dtype]
  const run = denseRun(shape, strides)
  const total = shape.reduce((product, size) => product * size, 1)
  if (run === total) return file.read(target, at + from)

  const first = from / item
  const count = target.length / item
  if (!Number.isInteger(first) || !Number.isInteger(count)) {
    throw new RangeError(`a range of ${tensor.name} must begin and end between elements`)
  }
  if (run * item >= LONG_RUN_BYTES) {
    for (let done = 0; done < count;) {
      const length = Math.min(run - ((first + done) % run), count - done)
      const part = target.subarray(done * item, (done + length) * item)
      await file.read(part, at + placeOf(first + done, shape, strides) * item)
      done += length
    }
    return
  }
  const places = indexPlaces(first, count, shape, strides)
  const [lowest, highest] = bounds(places)
  const bytes = (highest - lowest + 1) * item
  if (bytes > MAX_GATHER_BYTES) {
    const found = `${tensor.name} strewn over ${bytes} bytes (shape [${shape}], strides [${strides}])`
    file.fail(found, 'a dense tensor; save it again after .contiguous()')
  }
  gather(await file.slice(at + lowest * item, bytes), target, item, places, lowest)
}

/** How many elements lie together wherever the file is entered at a multiple of them. */
function denseRun(shape: readonly number[], strides: readonly number[]): number {
  let run = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue
    if (strides[axis] !== run) break
    run *= shape[axis]!
  }
  return run
}

/** In elements from the first. */
function placeOf(index: number, shape: readonly number[], strides: readonly number[]): number {
  let place = 0
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place += (index % shape[axis]!) * strides[axis]!
    index = Math.floor(index / shape[axis]!)
  }
  return place
}

/** The places of `count` elements in their order; float64, because files are larger than 2^32. */
function indexPlaces(
  first: number,
  count: number,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array {
  const places = new Float64Array(count)
  const inner = shape.length - 1
  const width = shape[inner]!
  for (let done = 0; done < count;) {
    const start = (first + done) % width
    const length = Math.min(width - start, count - done)
    const base = placeOf(first + done, shape, strides)
    for (let i = 0; i < length; i++) places[done + i] = base + i * strides[inner]!
    done += length
  }
  return places
}

function bounds(places: Float64Array): [number, number] {
  let lowest = Infinity
  let highest = 0
  for (const place of places) {
    if (place < lowest) lowest = place
    if (place > highest) highest = place
  }
  return [lowest, highest]
}

function gather(
  source: Uint8Array,
  target: Uint8Array,
  item: number,
  places: Float64Array,
  lowest: number,
): void {
  let to = 0
  for (const place of places) {
    const from = (place - lowest) * item
    for (let byte = 0; byte < item; byte++) target[to++] = source[from + byte]!
  }
}
