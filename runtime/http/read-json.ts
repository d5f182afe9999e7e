import type { Context } from 'hono'
import { InputError } from '../../handler/errors.ts'
import { decodeJsonText } from '../../handler/json-text.ts'

/** Largest request body: a job is a few URLs, and at most some boxes. */
export const MAX_BODY_BYTES = 1_000_000

/** The body is larger than this server reads: 413. */
export class BodyTooLarge extends InputError {
  constructor() {
    super('INVALID_JOB', `the body is larger than ${MAX_BODY_BYTES} bytes`)
  }
}

/**
 * The JSON body of a request. Not by hono/body-limit: it puts a new `Request` around a body in chunks,
 * which Node's own `Request` refuses to do with the server's.
 *
 * @throws InputError INVALID_JOB; BodyTooLarge
 */
export async function readJsonBody(c: Context): Promise<unknown> {
  const text = await readText(c.req.raw).catch((error: unknown) => {
    if (!(error instanceof BodyTooLarge)) throw error
    c.header('Connection', 'close') // the rest is not read, so nothing can follow it
    throw error
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new InputError('INVALID_JOB', 'the body is not JSON')
  }
}

async function readText({ headers, body }: Request): Promise<string> {
  if (Number(headers.get('content-length')) > MAX_BODY_BYTES) throw new BodyTooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) throw new BodyTooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof BodyTooLarge) throw error
    throw new InputError('INVALID_JOB', 'the body was cut short', { cause: error })
  }
  return decodeJsonText(Buffer.concat(chunks))
}
