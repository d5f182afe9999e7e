import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

const CHUNK_BYTES = 1 << 20

/** SHA-256 of a file, hex. @throws the signal's reason; what the file system throws */
export async function sha256File(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const stream = createReadStream(file, { highWaterMark: CHUNK_BYTES, ...(signal && { signal }) })
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
