import type { BinaryFile } from './binary-file.ts'

const WINDOW_BYTES = 1 << 16
/** Of all messages together: what would take minutes is no model. */
const MAX_FIELDS = 500_000

/** One field of a message; of `bytes` only the place is known, so that they can be skipped. */
export type ProtobufField =
  | { number: number; kind: 'varint'; value: number }
  | { number: number; kind: 'bytes'; at: number; end: number }
  | { number: number; kind: 'fixed' }

/**
 * Reads Protocol Buffers in a file field by field, and of long ones only what is asked for.
 * @see https://protobuf.dev/programming-guides/encoding
 */
export class ProtobufReader {
  readonly #file: BinaryFile
  #window: Buffer = Buffer.alloc(0)
  #windowAt = 0
  #fields = 0

  constructor(file: BinaryFile) {
    this.#file = file
  }

  /**
   * The fields of the message from byte `at` to byte `end`.
   * @throws CheckpointError where they do not fill it exactly
   */
  async *fields(at: number, end: number): AsyncGenerator<ProtobufField> {
    while (at < end) {
      if (++this.#fields > MAX_FIELDS)
        this.#file.fail('a graph of half a million parts', 'a network')
      const tag = await this.varint(at, end)
      const number = Math.floor(tag.value / 8)
      const start = tag.end
      switch (tag.value % 8) {
        case 0: {
          const { value, end: next } = await this.varint(start, end)
          yield { number, kind: 'varint', value }
          at = next
          break
        }
        case 2: {
          const length = await this.varint(start, end)
          at = length.end + length.value
          if (at > end) this.#wrong(start)
          yield { number, kind: 'bytes', at: length.end, end: at }
          break
        }
        case 1:
        case 5:
          at = start + (tag.value % 8 === 1 ? 8 : 4)
          if (at > end) this.#wrong(start)
          yield { number, kind: 'fixed' }
          break
        default:
          this.#wrong(start)
      }
    }
  }

  /** An unsigned number; one beyond 2^53 is rounded, and is no size of anything. */
  async varint(at: number, end: number): Promise<{ value: number; end: number }> {
    await this.#show(at, Math.min(end, at + 10))
    let value = 0
    let scale = 1
    for (let i = at; i < Math.min(end, at + 10); i++) {
      const byte = this.#window[i - this.#windowAt]!
      value += (byte & 127) * scale
      if (byte < 128) return { value, end: i + 1 }
      scale *= 128
    }
    return this.#wrong(at)
  }

  /** Make the bytes from `at` to `end` part of the window. */
  async #show(at: number, end: number): Promise<void> {
    if (at >= this.#windowAt && end <= this.#windowAt + this.#window.length) return
    const length = Math.min(WINDOW_BYTES, this.#file.size - at)
    this.#window = await this.#file.slice(at, length)
    this.#windowAt = at
  }

  #wrong(at: number): never {
    return this.#file.fail(`no field of a message at byte ${at}`, 'an ONNX graph')
  }
}
