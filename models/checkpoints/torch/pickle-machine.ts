/** What a pickle holds that no tensor needs: an object of a class, bytes, a set. It takes everything and does nothing. */
export const OPAQUE = Symbol('opaque')

/** A callable of ours, standing for a Python name; nothing else of a pickle is ever called. */
export type Builder = (args: unknown[]) => unknown

export interface PickleNames {
  /** @returns what stands for a global; undefined makes it OPAQUE */
  find(module: string, name: string): unknown
  /** @returns what a persistent id stands for */
  load(id: unknown): unknown
}

/** Refuses the file: what was found in it, what was expected. */
export type Refuse = (found: string, expected: string, cause?: unknown) => never

/** The pickle goes on behind the bytes at hand. */
export class PickleTruncated extends Error {}

const MAX_STEPS = 1_000_000
const MAX_MARKS = 1_000
/** Longer texts name nothing. */
const MAX_TEXT_BYTES = 1 << 12

/**
 * The stack, memo and input of one pickle.
 *
 * Lists and tuples are arrays, dicts are maps. Every value costs a step, so that their number is bounded;
 * long texts and bytes are stepped over, so that the memory is that of the bytes at hand and a share of it.
 * Nothing here recurses: a pickle may nest as deep as it likes.
 */
export class PickleMachine {
  at: number
  readonly stack: unknown[] = []
  readonly names: PickleNames
  readonly refuse: Refuse
  readonly #bytes: Buffer
  readonly #marks: number[] = []
  readonly #memo = new Map<number, unknown>()
  #steps = 0

  constructor(bytes: Buffer, at: number, names: PickleNames, refuse: Refuse) {
    this.#bytes = bytes
    this.at = at
    this.names = names
    this.refuse = refuse
  }

  step(): number {
    if (++this.#steps > MAX_STEPS) this.refuse('a pickle of over a million steps', 'a few tensors')
    return this.u8()
  }

  push(value: unknown): void {
    this.stack.push(value)
  }

  pop(): unknown {
    if (this.stack.length <= (this.#marks.at(-1) ?? 0)) {
      this.refuse(`a pickle that takes from an empty stack at byte ${this.at}`, 'a pickle')
    }
    return this.stack.pop()
  }

  top(): unknown {
    const value = this.pop()
    this.push(value)
    return value
  }

  mark(): void {
    if (this.#marks.push(this.stack.length) > MAX_MARKS) {
      this.refuse(`a pickle nested deeper than ${MAX_MARKS}`, 'a flat list of tensors')
    }
  }

  popToMark(): unknown[] {
    const mark = this.#marks.pop()
    if (mark === undefined) this.refuse(`no mark at byte ${this.at} of a pickle`, 'a pickle')
    return this.stack.splice(mark)
  }

  remember(index: number): void {
    this.#memo.set(index, this.top())
  }

  rememberNext(): void {
    this.remember(this.#memo.size)
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) {
      this.refuse(`a pickle that recalls what it never made (${index})`, 'a pickle')
    }
    this.push(this.#memo.get(index))
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#take(4))
  }

  /** A length: at most what a file can have. */
  u64(): number {
    const value = this.#bytes.readBigUInt64LE(this.#take(8))
    return value > Number.MAX_SAFE_INTEGER ? this.#missing() : Number(value)
  }

  f64(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  skip(length: number): void {
    this.#take(length)
  }

  text(length: number): string | typeof OPAQUE {
    const from = this.#take(length)
    return length > MAX_TEXT_BYTES ? OPAQUE : this.#bytes.toString('utf8', from, from + length)
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.at)
    if (end < 0) return this.#missing()
    if (end - this.at > MAX_TEXT_BYTES)
      this.refuse(`a name of over ${MAX_TEXT_BYTES} letters`, 'a name')
    const line = this.#bytes.toString('utf8', this.at, end)
    this.at = end + 1
    return line
  }

  /** A little-endian integer in two's complement; a bigint where a number would round it. */
  integer(length: number): number | bigint | typeof OPAQUE {
    const from = this.#take(length)
    if (length > 16) return OPAQUE
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[from + i]!)
    const signed = BigInt.asIntN(8 * length, value)
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed
  }

  #take(length: number): number {
    const from = this.at
    if (from + length > this.#bytes.length) this.#missing()
    this.at = from + length
    return from
  }

  #missing(): never {
    throw new PickleTruncated()
  }
}
