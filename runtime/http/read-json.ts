import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Context } from 'hono'
import { InputError } from '../../handler/errors.ts'
import { BodyTooLargeError, readBody } from '../../handler/net/read-body.ts'

/** Most of a body beside its texts: a job is a few fields, at most some boxes, and media in base64. */
export const MAX_STRUCTURE_BYTES = 1_000_000
const READ_TIMEOUT_MS = 60_000

/** The body is larger than this server reads: 413. */
export class BodyTooLarge extends InputError {
  constructor(what: string) {
    super('INVALID_JOB', `the body is larger than ${what}`)
  }
}

/**
 * The JSON body of a request. Not by hono/body-limit: it puts a new `Request` around a body in chunks,
 * which Node's own `Request` refuses to do with the server's.
 *
 * @throws InputError INVALID_JOB; BodyTooLarge
 */
export async function readJsonBody(c: Context, maxBytes: number): Promise<unknown> {
  const json = await readText(c.req.raw, maxBytes).catch((error: unknown) => {
    if (!(error instanceof BodyTooLarge)) throw error
    c.header('Connection', 'close') // the rest is not read, so nothing can follow it
    throw error
  })
  if (json.length > MAX_STRUCTURE_BYTES) assertMostlyTexts(json)
  try {
    return JSON.parse(json)
  } catch {
    throw new InputError('INVALID_JOB', 'the body is not JSON')
  }
}

async function readText({ headers, body }: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new BodyTooLarge(`${maxBytes} bytes (MAX_BODY_MB); send large media as an upload`)
  if (Number(headers.get('content-length')) > maxBytes) throw tooLarge()
  if (!body) return ''
  const signal = AbortSignal.timeout(READ_TIMEOUT_MS)
  try {
    const stream = Readable.fromWeb(body as ReadableStream<Uint8Array>, { signal })
    return await readBody(stream, maxBytes)
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw tooLarge()
    throw new InputError('INVALID_JOB', 'the body was cut short', { cause: error })
  }
}

/**
 * A few megabytes of brackets parse into many times their size, so only texts may be long.
 * @throws BodyTooLarge
 */
function assertMostlyTexts(json: string): void {
  let structure = 0
  for (let at = 0; at < json.length;) {
    const start = json.indexOf('"', at)
    structure += (start < 0 ? json.length : start) - at + 2
    if (structure > MAX_STRUCTURE_BYTES) {
      throw new BodyTooLarge(`${MAX_STRUCTURE_BYTES} bytes beside its texts`)
    }
    if (start < 0) return
    let end = json.indexOf('"', start + 1)
    while (end >= 0 && isEscaped(json, end)) {
      structure += 2
      end = json.indexOf('"', end + 1)
    }
    if (end < 0) return // the parser says so
    at = end + 1
  }
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0
  while (json[at - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}
