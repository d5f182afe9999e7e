import { decodeJsonText } from '../json-text.ts'
import { NetworkError } from './network-error.ts'

/** More came than anybody would send in good faith. */
export class BodyTooLargeError extends NetworkError {
  constructor() {
    super('sends an answer without end', { permanent: true })
  }
}

/** A body as text. @throws BodyTooLargeError as soon as it is longer than that; NetworkError */
export async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new BodyTooLargeError()
    chunks.push(chunk)
  }
  return decodeJsonText(Buffer.concat(chunks))
}
