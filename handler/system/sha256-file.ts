import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { WorkerError } from '../errors.ts'

/** SHA-256 of a file, hex. */
export async function sha256File(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { signal })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/**
 * Size and SHA-256 of a file that is to be stored.
 * @throws WorkerError BUG for what is no result: nothing there, a folder, an empty file
 */
export async function fileSizeAndDigest(
  file: string,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size === 0) {
    throw new WorkerError('BUG', 'there is no finished video to store')
  }
  return { bytes: found.size, sha256: await sha256File(file, signal) }
}
