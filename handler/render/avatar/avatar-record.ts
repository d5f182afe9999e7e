import { bufferOver } from '../../../models/system/buffer-over.ts'
import type { Models } from '../../../models/inference/models.ts'
import type { Manifest } from '../../../models/inference/manifest.ts'
import { MASK_BYTES } from '../../../models/pixels/parsing-mask.ts'
import {
  tensorBytes,
  byteLength,
  tensorOf,
  type Tensor,
  type Tensors,
} from '../../../models/inference/tensor.ts'
import type { BufferPool } from '../buffer-pool.ts'
import type { RecordFile } from './record-file.ts'

/**
 * What is kept of one source frame: its state tensors, one after the other in the manifest's order,
 * then, where the bundle parses faces, the mask of what may be replaced, one bit per pixel.
 */
export function recordBytes({ manifest, graphs }: Models): number {
  const states = manifest.states.reduce((n, { dtype, shape }) => n + byteLength(dtype, shape), 0)
  return states + (graphs.parse ? MASK_BYTES : 0)
}

/**
 * @param states a batch of state tensors
 * @param item which of the batch
 * @param mask one bit per pixel
 */
export function packRecord(
  states: Tensors,
  item: number,
  mask: Uint8Array | undefined,
  { states: order }: Manifest,
): Uint8Array {
  const parts = order.map(({ name, dtype, shape }) => {
    const size = byteLength(dtype, shape)
    return tensorBytes(states[name]!).subarray(item * size, (item + 1) * size)
  })
  return Buffer.concat(mask ? [...parts, mask] : parts)
}

/**
 * The state tensors of these records as one batch, in buffers that are to be given back.
 * @param size of the batch; what it has beyond the records is surplus
 */
export function unpackLatents(
  records: readonly Uint8Array[],
  size: number,
  { states }: Manifest,
  buffers: BufferPool,
): Tensors {
  let from = 0
  const named = states.map(({ name, dtype, shape }): [string, Tensor] => {
    const each = byteLength(dtype, shape)
    const batch = buffers.take(size * each)
    for (const [i, record] of records.entries()) {
      bufferOver(record).copy(batch, i * each, from, from + each)
    }
    from += each
    return [name, tensorOf(dtype, [size, ...shape], batch)]
  })
  return Object.fromEntries(named)
}

/** The mask of a record: one bit per pixel of the head, 512x512. */
export const unpackMask = (record: Uint8Array): Uint8Array =>
  record.subarray(record.length - MASK_BYTES)

/**
 * What is true of the clip as a whole, where the bundle has a graph for it. It goes along with every batch
 * that is drawn, so it lies in shared memory.
 */
export async function runClipGraph(
  file: RecordFile,
  models: Models,
  buffers: BufferPool,
): Promise<Tensors> {
  const { clip } = models.graphs
  if (!clip || file.count === 0) return {}
  const count = Math.min(file.count, models.manifest.clip.frames)
  const spread = (i: number) => Math.floor(((i + 0.5) * file.count) / count)
  const records = await Promise.all(
    Array.from({ length: count }, (_, i) => file.read(spread(i), 1)),
  )
  const states = unpackLatents(records, count, models.manifest, buffers)
  const feeds = clip.inputs.map(({ name }) => [name, states[name]!])
  const outputs = await models.run('clip', Object.fromEntries(feeds))
  for (const tensor of Object.values(states)) buffers.give(tensorBytes(tensor))
  return Object.fromEntries(Object.entries(outputs).map(([name, of]) => [name, sharedCopy(of)]))
}

function sharedCopy(tensor: Tensor): Tensor {
  const bytes = new Uint8Array(new SharedArrayBuffer(tensor.data.byteLength))
  bytes.set(tensorBytes(tensor))
  return tensorOf(tensor.type, tensor.dims, bytes)
}
