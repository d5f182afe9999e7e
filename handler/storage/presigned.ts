import { createReadStream } from 'node:fs'
import { backoff, retryAfter } from '../net/retry.ts'
import { InputError } from '../errors.ts'
import type { Fetch } from '../net/guarded-fetch.ts'
import { NetworkError } from '../net/network-error.ts'
import type { Patience } from '../net/timeouts.ts'
import { factsOf } from '../system/sha256-file.ts'
import { refusal, uploadFailed } from './storage-errors.ts'
import { mediaTypeOf, type Storage } from './storage.ts'

/**
 * One object behind a presigned PUT URL of a job. It can be written and not read, so there is no
 * side-car, and nothing is found again; that the whole body was taken is what the answer says.
 */
export function presignedStorage(url: string, fetch: Fetch, patience: Patience): Storage {
  const { origin, pathname } = new URL(url)

  async function put(
    file: string,
    bytes: number,
    headers: Record<string, string>,
    signal: AbortSignal,
  ) {
    const tries = backoff(patience.upload)
    for (;;) {
      const body = createReadStream(file)
      try {
        const length = String(bytes)
        const answer = await fetch(url, {
          ...{ method: 'PUT', body, signal },
          headers: { ...headers, 'content-length': length },
        })
        await answer.discard()
        if (answer.status >= 200 && answer.status < 300) return
        const refused = refusal(answer.status, '')
        throw new NetworkError(refused.message, {
          ...{ final: refused.final, status: answer.status },
          afterMs: retryAfter(answer.headers['retry-after']),
        })
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NetworkError) || error.final) throw error
        await tries.pause(error, signal, error.afterMs)
      } finally {
        body.destroy()
      }
    }
  }

  return {
    kind: 'presigned',
    async put(name, file, outer, disposition) {
      const { bytes, sha256 } = await factsOf(file, outer)
      const late = AbortSignal.timeout(patience.uploadMs)
      const headers = {
        'content-type': mediaTypeOf(name),
        ...(disposition !== undefined && { 'content-disposition': disposition }),
      }
      try {
        await put(file, bytes, headers, AbortSignal.any([outer, late]))
      } catch (error) {
        outer.throwIfAborted()
        if (late.aborted) throw uploadFailed(new NetworkError('did not take the file in time'))
        if (error instanceof InputError) throw error.at('output.url')
        throw error instanceof NetworkError ? uploadFailed(error) : error
      }
      // The query is the signature, a secret of whoever made it.
      return { key: decodeURIComponent(pathname.slice(1)), url: origin + pathname, bytes, sha256 }
    },
    describe: async () => {},
    find: async () => undefined,
    remove: async () => {},
  }
}
