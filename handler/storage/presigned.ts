import { createReadStream } from 'node:fs'
import { parseRetryAfter, retry } from '../net/retry.ts'
import { InputError } from '../errors.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import { NetworkError } from '../net/network-error.ts'
import type { Timeouts } from '../net/timeouts.ts'
import { fileSizeAndDigest } from './storage.ts'
import { httpError, toUploadError } from './storage-errors.ts'
import { mediaTypeOf, type Storage } from './storage.ts'

/**
 * One object behind a presigned PUT URL of a job. It can be written and not read, so there is no
 * side-car, and nothing is found again; that the whole body was taken is what the answer says.
 */
export function presignedStorage(url: string, fetch: GuardedFetch, patience: Timeouts): Storage {
  const { origin, pathname } = new URL(url)

  async function put(
    file: string,
    bytes: number,
    headers: Record<string, string>,
    signal: AbortSignal,
  ) {
    const send = async () => {
      const body = createReadStream(file)
      try {
        const answer = await fetch(url, {
          ...{ method: 'PUT', body, signal },
          headers: { ...headers, 'content-length': String(bytes) },
        })
        await answer.discard()
        if (answer.status >= 200 && answer.status < 300) return
        const { message, permanent, status } = httpError(answer.status, '')
        const retryAfterMs = parseRetryAfter(answer.headers['retry-after'])
        throw new NetworkError(message, { permanent, retryAfterMs, ...(status && { status }) })
      } finally {
        body.destroy()
      }
    }
    await retry(send, patience.upload, signal)
  }

  return {
    kind: 'presigned',
    async put(name, file, outer, disposition) {
      const { bytes, sha256 } = await fileSizeAndDigest(file, outer)
      const late = AbortSignal.timeout(patience.uploadMs)
      const headers = {
        'content-type': mediaTypeOf(name),
        ...(disposition !== undefined && { 'content-disposition': disposition }),
      }
      try {
        await put(file, bytes, headers, AbortSignal.any([outer, late]))
      } catch (error) {
        outer.throwIfAborted()
        if (late.aborted) throw toUploadError(new NetworkError('did not take the file in time'))
        if (error instanceof InputError) throw error.withField('output.url')
        throw error instanceof NetworkError ? toUploadError(error) : error
      }
      // The query is the signature, a secret of whoever made it.
      return { key: decodeURIComponent(pathname.slice(1)), url: origin + pathname, bytes, sha256 }
    },
    putMetadata: async () => {},
    find: async () => undefined,
    remove: async () => {},
  }
}
