import type { Models } from '../../../models/inference/bundle.ts'
import type { Manifest } from '../../../models/inference/manifest.ts'
import { image, type Image } from '../../../models/pixels/image.ts'
import {
  tensorBytes,
  byteLength,
  tensorOf,
  type Tensor,
  type Tensors,
} from '../../../models/inference/tensor.ts'
import type { RecordFile } from './record-file.ts'

const MASK_SIDE = 512
const MASK_BYTES = (MASK_SIDE * MASK_SIDE) / 8

/**
 * What is kept of one source frame: its state tensors, one after the other in the manifest's order,
 * then, where the bundle parses faces, the mask of what may be replaced, one bit per pixel.
 */
export function recordBytes({ manifest, graphs }: Models): number {
  const states = manifest.states.reduce((n, { dtype, shape }) => n + byteLength(dtype, shape), 0)
  return states + (graphs.parse ? MASK_BYTES : 0)
}

/** @param mask 512x512, 0 or 255 */
export function packRecord(states: Tensors, mask: Image | undefined, { states: order }: Manifest) {
  const parts = order.map(({ name }) => tensorBytes(states[name]!))
  return Buffer.concat(mask ? [...parts, packBits(mask)] : parts)
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

/** The mask of a record: 512x512, 0 or 255. */
export async function readMask(records: RecordFile, slot: number): Promise<Image> {
  const record = await records.read(slot, 1)
  const bits = record.subarray(record.length - MASK_BYTES)
  const mask = image(MASK_SIDE, MASK_SIDE, 1)
  for (let i = 0; i < mask.data.length; i++) mask.data[i] = (bits[i >> 3]! >> (i & 7)) & 1 ? 255 : 0
  return mask
}

function packBits({ data }: Image): Uint8Array {
  const bits = new Uint8Array(MASK_BYTES)
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) bits[i >> 3]! |= 1 << (i & 7)
  return bits
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
