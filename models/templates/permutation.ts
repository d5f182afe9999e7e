/** Floats of a chunk of the result. */
const CHUNK = 1 << 20
/** Rows that are written side by side, so that what is read lies in few cache lines. */
const BLOCK = 16

/**
 * Reorder the axes of a dense tensor, piece by piece.
 *
 * @param order axes of the result, as numpy's transpose has them
 * @yields the result's elements in their order; a piece is overwritten when the next one is asked for
 */
export function* permuteAxes(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Generator<Float32Array> {
  const axes = mergeAxes(shape, order)
  const [rows, columns] = [axes.at(-2)!, axes.at(-1)!]
  const outer = axes.slice(0, -2)
  const slices = outer.reduce((product, { length }) => product * length, 1)
  const width = columns.length
  const most = Math.max(1, Math.floor(CHUNK / width))
  const chunk = new Float32Array(Math.min(source.length, Math.max(CHUNK, width)))
  let filled = 0
  for (let slice = 0; slice < slices; slice++) {
    const base = placeOf(slice, outer)
    for (let row = 0; row < rows.length; row += most) {
      const count = Math.min(most, rows.length - row)
      if (filled + count * width > chunk.length) {
        yield chunk.subarray(0, filled)
        filled = 0
      }
      const from = base + row * rows.stride
      transpose(
        source,
        from,
        chunk.subarray(filled, filled + count * width),
        { ...rows, length: count },
        columns,
      )
      filled += count * width
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

interface Axis {
  length: number
  /** In the source. */
  stride: number
}

/** The axes of the result, at least two; those that lie together in both orders are one. */
function mergeAxes(shape: readonly number[], order: readonly number[]): Axis[] {
  const strides: number[] = []
  shape.reduceRight((stride, length, axis) => ((strides[axis] = stride), stride * length), 1)
  const merged: Axis[] = []
  for (const axis of order) {
    const [length, stride] = [shape[axis]!, strides[axis]!]
    if (length === 1) continue
    const last = merged.at(-1)
    if (last && last.stride === length * stride) {
      last.length *= length
      last.stride = stride
    } else merged.push({ length, stride })
  }
  while (merged.length < 2) merged.unshift({ length: 1, stride: 0 })
  return merged
}

function placeOf(index: number, axes: readonly Axis[]): number {
  let place = 0
  for (const { length, stride } of axes.toReversed()) {
    place += (index % length) * stride
    index = Math.floor(index / length)
  }
  return place
}

function transpose(
  source: Float32Array,
  from: number,
  target: Float32Array,
  rows: Axis,
  columns: Axis,
) {
  const width = columns.length
  for (let first = 0; first < rows.length; first += BLOCK) {
    const end = Math.min(first + BLOCK, rows.length)
    for (let column = 0; column < width; column++) {
      const place = from + column * columns.stride
      for (let row = first; row < end; row++) {
        target[row * width + column] = source[place + row * rows.stride]!
      }
    }
  }
}
