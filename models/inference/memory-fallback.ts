import { ModelError } from './errors.ts'
import type { GraphName } from './manifest.ts'
import type { Models } from './models.ts'
import { elements, tensorBytes, tensorOf, type Tensor, type Tensors } from './tensor.ts'

/** Graphs whose inputs and outputs are batches. */
const BATCHED = new Set<GraphName>(['encode', 'parse', 'generate'])

/**
 * A batch that does not fit into the memory of its device is run in two halves, and so are all that
 * follow. Where half is too much as well, the error stays what it is.
 *
 * @param note told once for each graph
 */
export function splitWhenOutOfMemory(
  run: Models['run'],
  note: (graph: GraphName, batch: number) => void,
): Models['run'] {
  const split = new Set<GraphName>()

  return async (graph, feeds, rank) => {
    const size = Object.values(feeds)[0]?.dims[0] ?? 1
    if (!BATCHED.has(graph) || size < 2) return run(graph, feeds, rank)
    if (split.has(graph)) return inHalves(graph, feeds, size, rank)
    try {
      return await run(graph, feeds, rank)
    } catch (error) {
      if (!(error instanceof ModelError) || error.kind !== 'memory') throw error
      if (!split.has(graph)) note(graph, Math.ceil(size / 2))
      split.add(graph)
      return inHalves(graph, feeds, size, rank)
    }
  }

  async function inHalves(graph: GraphName, feeds: Tensors, size: number, rank?: number) {
    const middle = Math.ceil(size / 2)
    const part = (from: number, to: number) =>
      Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [
          name,
          // What holds for all items (a clip's) goes along with both.
          tensor.dims[0] === size ? rows(tensor, from, to) : tensor,
        ]),
      )
    // As large as the first, for a new shape costs a search for kernels: an odd batch overlaps by one.
    const first = await run(graph, part(0, middle), rank)
    const second = await run(graph, part(size - middle, size), rank)
    return Object.fromEntries(
      Object.entries(first).map(([name, tensor]) => [
        name,
        joined(tensor, rows(second[name]!, 2 * middle - size, middle)),
      ]),
    )
  }
}

function rows(tensor: Tensor, from: number, to: number): Tensor {
  const [, ...shape] = tensor.dims
  const bytes = tensorBytes(tensor)
  const each = bytes.byteLength / tensor.dims[0]!
  return tensorOf(tensor.type, [to - from, ...shape], bytes.subarray(from * each, to * each))
}

function joined(a: Tensor, b: Tensor): Tensor {
  const dims = [a.dims[0]! + b.dims[0]!, ...a.dims.slice(1)]
  const bytes = new Uint8Array((elements(dims) / elements(a.dims)) * a.data.byteLength)
  bytes.set(tensorBytes(a))
  bytes.set(tensorBytes(b), a.data.byteLength)
  return tensorOf(a.type, dims, bytes)
}
