import { open, type FileHandle } from 'node:fs/promises'

/**
 * Records of one size in a file, appended in order and read by number: what must be kept per frame
 * or per 20 ms of sound, without memory growing with the length of the job.
 */
export class RecordFile implements AsyncDisposable {
  readonly bytes: number
  count: number
  readonly #file: FileHandle

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

  /** Append whole records. */
  async append(data: Uint8Array): Promise<void> {
    if (data.byteLength % this.bytes !== 0) {
      throw new RangeError(`${data.byteLength} bytes are not records of ${this.bytes} bytes`)
    }
    await this.#write(data, this.count * this.bytes)
    this.count += data.byteLength / this.bytes
  }

  /** Leave out records that nobody will read. */
  skip(count: number): void {
    this.count += count
  }

  /** Records [first, first + count), or fewer where the file ends. */
  async read(first: number, count: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(count, this.count - first)) * this.bytes
    const data = new Uint8Array(wanted)
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
