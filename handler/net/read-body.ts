import { decodeJsonText } from './json-text.ts'
import { NetworkError } from './network-error.ts'

/** More came than anybody would send in good faith. */
export class BodyTooLargeError extends NetworkError {
  /** Its first bytes. */
  readonly start: string
  constructor(start: string) {
    super('sends an answer without end', { permanent: true })
    this.start = start
  }
}

const START_BYTES = 65_536

/** A body as text. @throws BodyTooLargeError as soon as it is longer than that; NetworkError */
export async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes > maxBytes) {
      throw new BodyTooLargeError(Buffer.concat(chunks).toString('utf8', 0, START_BYTES))
    }
  }
  return decodeJsonText(Buffer.concat(chunks))
}
