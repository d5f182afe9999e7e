import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

const CONCURRENCY = 3 // parts; with their bytes in memory

/** Run `count` tasks, a few at a time; when one fails, the others have ended before this rejects. */
export async function mapConcurrent<T>(
  count: number,
  task: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  let failed = false
  const lane = async () => {
    while (next < count && !failed) {
      const index = next++
      results[index] = await task(index).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: CONCURRENCY }, lane))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return results
}

/** `length` bytes of a file from a position on. */
export async function readPart(
  file: FileHandle,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) throw new Error('the file became shorter while it was uploaded')
    done += bytesRead
  }
  return buffer
}

/** As a Content-MD5 header has it. */
export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')
