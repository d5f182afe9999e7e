import type { Models } from '../../../models/inference/bundle.ts'
import type { Manifest } from '../../../models/inference/manifest.ts'
import { MASK_BYTES } from '../../../models/pixels/parsing-mask.ts'
import {
  tensorBytes,
  byteLength,
  tensorOf,
  type Tensor,
  type Tensors,
} from '../../../models/inference/tensor.ts'
import type { RecordFile } from './record-file.ts'

/**
 * What is kept of one source frame: its state tensors, one after the other in the manifest's order,
 * then, where the bundle parses faces, the mask of what may be replaced, one bit per pixel.
 */
export function recordBytes({ manifest, graphs }: Models): number {
  const states = manifest.states.reduce((n, { dtype, shape }) => n + byteLength(dtype, shape), 0)
  return states + (graphs.parse ? MASK_BYTES : 0)
}

/** @param mask one bit per pixel */
export function packRecord(
  states: Tensors,
  mask: Uint8Array | undefined,
  { states: order }: Manifest,
): Uint8Array {
  const parts = order.map(({ name }) => tensorBytes(states[name]!))
  return Buffer.concat(mask ? [...parts, mask] : parts)
}

/** One batch of state tensors. */
export async function readLatents(
  records: RecordFile,
  slots: readonly number[],
  { states }: Manifest,
): Promise<Tensors> {
  const parts = states.map(
    ({ dtype, shape }) => new Uint8Array(slots.length * byteLength(dtype, shape)),
  )
  for (const [i, slot] of slots.entries()) {
    const record = await records.read(slot, 1)
    let at = 0
    for (const part of parts) {
      const size = part.length / slots.length
      part.set(record.subarray(at, at + size), i * size)
      at += size
    }
  }
  const named = states.map(({ name, dtype, shape }, k): [string, Tensor] => [
    name,
    tensorOf(dtype, [slots.length, ...shape], parts[k]!),
  ])
  return Object.fromEntries(named)
}

/** The mask of a record: one bit per pixel of the head, 512x512. */
export async function readMask(records: RecordFile, slot: number): Promise<Uint8Array> {
  const record = await records.read(slot, 1)
  return record.subarray(record.length - MASK_BYTES)
}

/** What is true of the clip as a whole, where the bundle has a graph for it. */
export async function runClipGraph(records: RecordFile, models: Models): Promise<Tensors> {
  const { clip } = models.graphs
  if (!clip) return {}
  const count = Math.min(records.count, models.manifest.clip.frames)
  const spread = (i: number) => Math.floor(((i + 0.5) * records.count) / count)
  const slots = Array.from({ length: count }, (_, i) => spread(i))
  const states = await readLatents(records, slots, models.manifest)
  return models.run(
    'clip',
    Object.fromEntries(clip.inputs.map(({ name }) => [name, states[name]!])),
  )
}
