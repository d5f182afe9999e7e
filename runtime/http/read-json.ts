import { InputError } from '../../handler/errors.ts'

/** Largest request body: a job is a few URLs, and at most some boxes. */
export const MAX_BODY_BYTES = 1_000_000

/** The body is larger than this server reads: 413. */
export class BodyTooLarge extends InputError {
  constructor() {
    super('INVALID_JOB', `the body is larger than ${MAX_BODY_BYTES} bytes`)
  }
}

/**
 * The JSON body of a request.
 * @throws InputError INVALID_JOB; BodyTooLarge
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw new BodyTooLarge()
  return parse(await readText(request))
}

async function readText(request: Request): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) throw new BodyTooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof BodyTooLarge) throw error
    throw new InputError('INVALID_JOB', 'the body was cut short', { cause: error })
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InputError('INVALID_JOB', 'the body is not JSON')
  }
}
