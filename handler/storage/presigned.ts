import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { watchProgress } from '../net/progress-watch.ts'
import { parseRetryAfter, retry } from '../net/retry.ts'
import { InputError } from '../errors.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import { NetworkError } from '../net/network-error.ts'
import type { Timeouts } from '../net/timeouts.ts'
import { fileSizeAndDigest } from './storage.ts'
import { httpError, readRefusal, toUploadError } from './storage-errors.ts'
import { mediaTypeOf, type Storage } from './storage.ts'

/** S3 sends uploads for a bucket that was made just now on to its region. */
const MAX_REDIRECTS = 3

/**
 * One object behind a presigned PUT URL of a job. It can be written and not read, so there is no
 * side-car, and nothing is found again; that the whole body was taken is what the answer says.
 */
export function presignedStorage(url: string, fetch: GuardedFetch, timeouts: Timeouts): Storage {
  const { origin, pathname, searchParams } = new URL(url)

  async function put(
    file: string,
    bytes: number,
    headers: Record<string, string>,
    signal: AbortSignal,
  ) {
    const send = async () => {
      const bodies: Readable[] = []
      using watch = watchProgress(timeouts.requestMs)
      const body = () => {
        const stream = Readable.from(pieces(file, watch.moved), { objectMode: false })
        bodies.push(stream)
        return stream
      }
      try {
        const answer = await fetch(url, {
          ...{ method: 'PUT', body, redirects: MAX_REDIRECTS, headersTimeoutMs: 0 },
          signal: AbortSignal.any([signal, watch.signal]),
          headers: { ...headers, 'content-length': String(bytes) },
        })
        if (answer.status >= 200 && answer.status < 300) return await answer.discard()
        const refusal = await readRefusal(answer.body)
        const { message, permanent, status } = httpError(answer.status, ...refusal)
        const retryAfterMs = parseRetryAfter(answer.headers['retry-after'])
        throw new NetworkError(message, { permanent, retryAfterMs, ...(status && { status }) })
      } catch (error) {
        signal.throwIfAborted()
        throw watch.signal.aborted ? new NetworkError('did not take the file in time') : error
      } finally {
        for (const stream of bodies) stream.destroy()
      }
    }
    await retry(send, timeouts.upload, signal)
  }

  return {
    kind: 'presigned',
    async put(name, file, outer, disposition) {
      const { bytes, sha256 } = await fileSizeAndDigest(file, outer)
      const headers = {
        'content-type': mediaTypeOf(name),
        ...(isAzure(searchParams) && { 'x-ms-blob-type': 'BlockBlob' }),
        ...(disposition !== undefined && { 'content-disposition': disposition }),
      }
      try {
        await put(file, bytes, headers, outer)
      } catch (error) {
        outer.throwIfAborted()
        if (error instanceof InputError) throw error.withField('output.url')
        throw error instanceof NetworkError ? toUploadError(error) : error
      }
      // The query is the signature, a secret of whoever made it.
      return { key: decodePath(pathname.slice(1)), url: origin + pathname, bytes, sha256 }
    },
    putMetadata: async () => {},
    find: async () => undefined,
    remove: async () => {},
  }
}

async function* pieces(file: string, moved: () => void) {
  for await (const piece of createReadStream(file)) {
    yield piece as Uint8Array
    moved()
  }
}

/**
 * Whether a URL is signed as Azure's are, which say with each upload what kind of object it makes.
 * @see https://learn.microsoft.com/rest/api/storageservices/put-blob
 */
const isAzure = (query: URLSearchParams): boolean => query.has('sv') && query.has('sig') // `se` may stand in a policy of the container instead

/** A path as its maker wrote it; as it stands in the URL where it is no UTF-8 or has a bare `%`. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
