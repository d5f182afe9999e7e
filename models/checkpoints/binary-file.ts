import { open, type FileHandle } from 'node:fs/promises'
import { CheckpointError } from './errors.ts'

/** A file that is read by ranges, all of them inside it. */
export class BinaryFile implements AsyncDisposable {
  readonly path: string
  readonly size: number
  readonly handle: FileHandle

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path
    this.size = size
    this.handle = handle
  }

  /** @throws CheckpointError where it is missing or no file */
  static async open(path: string): Promise<BinaryFile> {
    const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
      const options = { cause }
      throw new CheckpointError(path, `nothing readable (${cause.code})`, 'a file', options)
    })
    try {
      const found = await handle.stat()
      if (!found.isFile()) throw new CheckpointError(path, 'no regular file', 'a file')
      return new BinaryFile(path, found.size, handle)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /**
   * Fill `target` from byte `at` on.
   * @throws CheckpointError where the file ends before
   */
  async read(target: Uint8Array, at: number): Promise<void> {
    if (!(at >= 0 && at + target.length <= this.size)) {
      this.fail(`its end at byte ${this.size}`, `${target.length} bytes from byte ${at} on`)
    }
    for (let done = 0; done < target.length;) {
      const length = Math.min(target.length - done, MAX_READ_BYTES)
      const { bytesRead } = await this.handle.read(target, done, length, at + done)
      if (bytesRead === 0) {
        this.fail(`its end at byte ${at + done}`, `${target.length} bytes from byte ${at} on`)
      }
      done += bytesRead
    }
  }

  /** @throws CheckpointError where the file ends before */
  async slice(at: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    await this.read(bytes, at)
    return bytes
  }

  fail(found: string, expected: string, cause?: unknown): never {
    throw new CheckpointError(this.path, found, expected, { cause })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close()
  }
}

/** One read is at most this long, so that none holds a thread of the pool for long. */
const MAX_READ_BYTES = 16 << 20
