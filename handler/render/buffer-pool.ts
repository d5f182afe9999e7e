/**
 * Shared memory that is used again: frames and batches that threads look at without a copy. The
 * garbage collector does not see how large a SharedArrayBuffer is, so none may be left to it: 2000
 * dropped frames of 1080p held 6 GB.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBufferLike[]>()
  readonly #maxBytes: number
  #bytes = 0

  /** @param maxBytes of buffers that nobody uses; more are dropped */
  constructor(maxBytes = 256 << 20) {
    this.#maxBytes = maxBytes
  }

  /** Memory of this size, with whatever was in it. */
  take(bytes: number): Uint8Array {
    const capacity = capacityFor(bytes)
    const free = this.#free.get(capacity)?.pop()
    if (free) this.#bytes -= capacity
    return new Uint8Array(free ?? new SharedArrayBuffer(capacity), 0, bytes)
  }

  /** Hand back what came from here; nobody may look at it any more. */
  give({ buffer }: Uint8Array): void {
    const capacity = buffer.byteLength
    if (this.#bytes + capacity > this.#maxBytes) this.#dropOthers(capacity)
    if (this.#bytes + capacity > this.#maxBytes) return
    this.#bytes += capacity
    const free = this.#free.get(capacity)
    if (free) free.push(buffer)
    else this.#free.set(capacity, [buffer])
  }

  /** Sizes of earlier jobs make room. */
  #dropOthers(capacity: number): void {
    for (const [size, buffers] of this.#free) {
      if (size === capacity) continue
      this.#bytes -= size * buffers.length
      this.#free.delete(size)
    }
  }
}

/** Windows around a face have a new size in every other frame; an eighth more lets them share. */
function capacityFor(bytes: number): number {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(bytes)) - 3)
  return Math.ceil(bytes / step) * step
}
