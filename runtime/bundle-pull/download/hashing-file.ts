import { createHash, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import type { DownloadTarget } from '../../../handler/net/resumable-download.ts'

/** A file that is written front to back, and the SHA-256 of what is in it. */
export interface HashingFile extends DownloadTarget, AsyncDisposable {
  /** Bytes that were there when it was opened. */
  readonly opened: number
  /** Bytes that are in it. */
  readonly length: number
  /** Hex, of everything written. */
  digest(): string
}

const READ_BYTES = 1 << 20

/**
 * Open a file to go on with, or a new one; what it holds is read and hashed.
 * @throws the signal's reason; the error of the file system
 */
export async function openHashingFile(path: string, signal: AbortSignal): Promise<HashingFile> {
  const file = await open(path, 'a+').then(async (created) => {
    await created.close()
    return open(path, 'r+')
  })
  try {
    let hash = createHash('sha256')
    let hashed = await hashFrom(file, hash, signal)
    return {
      opened: hashed,
      get length() {
        return hashed
      },
      async write(chunk, offset, length, position) {
        if (position !== hashed) {
          if (position !== 0) throw new Error(`written at ${position} instead of ${hashed}`)
          hash = createHash('sha256')
        }
        const { bytesWritten } = await file.write(chunk, offset, length, position)
        hash.update(chunk.subarray(offset, offset + bytesWritten))
        hashed = position + bytesWritten
        return { bytesWritten }
      },
      async truncate(bytes) {
        await file.truncate(bytes)
        if (bytes === hashed) return
        if (bytes !== 0) throw new Error(`cut at ${bytes} instead of ${hashed}`)
        hash = createHash('sha256')
        hashed = 0
      },
      digest: () => hash.copy().digest('hex'),
      [Symbol.asyncDispose]: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function hashFrom(file: FileHandle, hash: Hash, signal: AbortSignal): Promise<number> {
  const buffer = Buffer.alloc(READ_BYTES)
  for (let at = 0; ;) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at)
    if (bytesRead === 0) return at
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}
