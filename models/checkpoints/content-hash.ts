import { createHash } from 'node:crypto'
import type { Checkpoint } from './checkpoint.ts'

const CHUNK_BYTES = 4 << 20

/**
 * SHA-256 over name, shape, type and bytes of every tensor in the order of the names: says whose
 * weights these are, whatever wrote the file.
 * @see models/export/musetalk_export/checkpoints.py, content_hash
 */
export async function hashContent(checkpoint: Checkpoint, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (const name of [...checkpoint.tensors.keys()].toSorted()) {
    const tensor = checkpoint.tensors.get(name)!
    hash.update(`${name}|${tensor.shape.join('x')}|${tensor.dtype}|`)
    for (let at = 0; at < tensor.bytes; at += CHUNK_BYTES) {
      signal.throwIfAborted()
      const part = chunk.subarray(0, Math.min(CHUNK_BYTES, tensor.bytes - at))
      await checkpoint.read(tensor, part, at)
      hash.update(part)
    }
  }
  return hash.digest('hex')
}
