import { open, type FileHandle } from 'node:fs/promises'

/** Bytes that are written at once: a write of its own for each frame costs more than its record does. */
const WRITTEN_AT_ONCE = 512 << 10

/**
 * Records of one size in a file, appended in order and read by number: what must be kept per frame
 * or per 20 ms of sound, without memory growing with the length of the job.
 */
export class RecordFile implements AsyncDisposable {
  readonly bytes: number
  count: number
  readonly #file: FileHandle
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #writing = Promise.resolve()

  private constructor(file: FileHandle, bytes: number, count: number) {
    this.#file = file
    this.bytes = bytes
    this.count = count
  }

  /** @param bytes size of one record */
  static async create(path: string, bytes: number): Promise<RecordFile> {
    return new RecordFile(await open(path, 'w+'), bytes, 0)
  }

  /** Records that were written earlier, to be read. */
  static async open(path: string, bytes: number): Promise<RecordFile> {
    const file = await open(path, 'r')
    const { size } = await file.stat()
    return new RecordFile(file, bytes, Math.floor(size / bytes))
  }

  /**
   * Append whole records; they are in the file after `flush` at the latest.
   * @param data nobody may change it any more
   */
  async append(data: Uint8Array): Promise<void> {
    if (data.byteLength % this.bytes !== 0) {
      throw new RangeError(`${data.byteLength} bytes are not records of ${this.bytes} bytes`)
    }
    this.#waiting.push(data)
    this.#waitingBytes += data.byteLength
    this.count += data.byteLength / this.bytes
    if (this.#waitingBytes >= WRITTEN_AT_ONCE) await this.flush()
  }

  /** Leave out records that nobody will read. */
  async skip(count: number): Promise<void> {
    await this.flush()
    this.count += count
  }

  /** Write what was appended. */
  async flush(): Promise<void> {
    if (this.#waitingBytes > 0) {
      const [first, ...more] = this.#waiting
      const data = more.length > 0 ? Buffer.concat(this.#waiting) : first!
      const position = this.count * this.bytes - this.#waitingBytes
      this.#waiting = []
      this.#waitingBytes = 0
      this.#writing = this.#writing.then(() => this.#write(data, position))
    }
    await this.#writing
  }

  /** Records [first, first + count), or fewer where the file ends. */
  async read(first: number, count: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(count, this.count - first)) * this.bytes
    const data = new Uint8Array(wanted)
    await this.flush()
    let done = 0
    while (done < wanted) {
      const { bytesRead } = await this.#file.read(
        data,
        done,
        wanted - done,
        first * this.bytes + done,
      )
      if (bytesRead === 0) throw new Error(`a record file ends at record ${first}`)
      done += bytesRead
    }
    return data
  }

  async #write(data: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < data.byteLength) {
      const { bytesWritten } = await this.#file.write(
        data,
        done,
        data.byteLength - done,
        position + done,
      )
      done += bytesWritten
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}
