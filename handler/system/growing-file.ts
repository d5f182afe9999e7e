import { open, type FileHandle } from 'node:fs/promises'
import { isErrno } from '../errors.ts'

/** A file that is still being written, for any number of readers. */
export interface GrowingFile {
  readonly path: string
  /**
   * All of it from its first byte, as far as it is there and then as it comes; ends when the file is
   * complete. Whoever has begun reads on when the file is removed.
   * @throws what `fail` was told; the signal's reason
   */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>
}

/** The side that knows how the writing goes. */
export interface GrowingFileOwner extends GrowingFile {
  /** There may be more of it now. */
  grown(): void
  /** All of it is there. */
  complete(): void
  /** What is there counts no more. Nothing that comes after the first end changes it. */
  fail(reason: Error): void
}

const CHUNK_BYTES = 1 << 16

/** @param path where another process appends, and never changes what it has written */
export function createGrowingFile(path: string): GrowingFileOwner {
  let end: 'complete' | Error | undefined
  let change = Promise.withResolvers<void>()
  const wake = () => {
    change.resolve()
    change = Promise.withResolvers()
  }
  const finish = (how: 'complete' | Error) => {
    end ??= how
    wake()
  }

  async function* read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    let file: FileHandle | undefined
    let position = 0
    signal.addEventListener('abort', wake)
    try {
      for (;;) {
        const [before, changed] = [end, change.promise]
        file ??= await openIfThere(path)
        const { bytesRead = 0 } = (await file?.read(buffer, 0, CHUNK_BYTES, position)) ?? {}
        signal.throwIfAborted()
        if (end instanceof Error) throw end // what was read may be of a file that began anew
        if (bytesRead > 0) {
          position += bytesRead
          yield Buffer.from(buffer.subarray(0, bytesRead))
        } else if (before === 'complete') {
          if (!file) throw new Error(`${path} was removed before it was read`)
          return
        } else await changed
      }
    } finally {
      signal.removeEventListener('abort', wake)
      await file?.close()
    }
  }

  return { path, read, grown: wake, complete: () => finish('complete'), fail: finish }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
    return undefined
  }
}
