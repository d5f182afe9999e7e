import { codingsOf, decodeBody } from './content-encoding.ts'
import { createRetry, parseRetryAfter } from './retry.ts'
import { InputError } from '../errors.ts'
import type { HttpResponse, GuardedFetch } from './guarded-fetch.ts'
import { isRetryableStatus, NetworkError, toNetworkError } from './network-error.ts'
import type { Timeouts } from './timeouts.ts'

const MAX_REDIRECTS = 5
/** A try that got this much further than all before it starts the count of tries again. */
const MIN_PROGRESS_BYTES = 65_536

export interface TransferOptions {
  fetch: GuardedFetch
  timeouts: Timeouts
  maxBytes: number
  signal: AbortSignal
  /** What the file holds already; it is empty where unset. */
  resume?: PartialDownload
  /**
   * Told what an answer brings, before the first byte of it is written: `bytes` is where it begins.
   * What it throws ends the download.
   */
  onResponse?(download: Readonly<PartialDownload>): void | Promise<void>
}

/** As much of a file as is needed here; it is written front to back. */
export interface DownloadTarget {
  write(
    chunk: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>
  truncate(bytes: number): Promise<void>
}

/** What is in the file, and how to ask for the rest of the very same thing. */
export interface PartialDownload {
  /** Bytes of completed writes; a write in flight does not count. */
  bytes: number
  /** Strong ETag or date of the representation; without one nothing can be resumed. */
  validator?: string | undefined
  total?: number | undefined
}

/**
 * Copy a URL into a file. A broken connection is resumed by range where the server proves
 * that it still sends the same thing; else the file starts over, and is never spliced.
 *
 * @returns bytes
 * @throws NetworkError; InputError MEDIA_TOO_LARGE, BLOCKED_URL; the signal's reason
 */
export async function downloadResumable(
  url: string,
  file: DownloadTarget,
  { fetch, timeouts, maxBytes, signal, resume, onResponse }: TransferOptions,
): Promise<number> {
  const late = AbortSignal.timeout(timeouts.downloadMs)
  const tries = createRetry(timeouts.download)
  let have: PartialDownload = { bytes: 0, ...resume }
  let best = have.bytes
  let known = false // the name of the host was, in one of the tries
  for (;;) {
    const stalled = new AbortController()
    const attempt = AbortSignal.any([signal, late, stalled.signal])
    try {
      const answer = await fetch(url, {
        headers: headersFor(have),
        redirects: MAX_REDIRECTS,
        signal: attempt,
      })
      try {
        have = applyResponse(have, answer)
        await onResponse?.(have)
        if ((have.total ?? 0) > maxBytes) throw tooLarge(maxBytes)
        await writeBody(answer, file, have, { timeouts, maxBytes, stalled })
      } finally {
        await answer.discard()
      }
      if (have.total !== undefined && have.total !== have.bytes) {
        throw new NetworkError(`sent ${have.bytes} of ${have.total} bytes`)
      }
      await file.truncate(have.bytes)
      return have.bytes
    } catch (error) {
      signal.throwIfAborted()
      const tooLong = new NetworkError(`took longer than ${timeouts.downloadMs / 1000} s`)
      if (late.aborted) throw tooLong
      if (!(error instanceof NetworkError) || error.permanent) throw error
      if (error instanceof RangeMismatchError) have = { bytes: 0 }
      if (have.bytes >= best + MIN_PROGRESS_BYTES) tries.reset()
      best = Math.max(best, have.bytes)
      known ||= !error.unknownHost
      await tries
        .pause(known ? lookedUp(error) : error, AbortSignal.any([signal, late]), error.retryAfterMs)
        .catch((thrown) => {
          throw late.aborted && !signal.aborted ? tooLong : thrown
        })
    }
  }
}

/** A name that was known a moment ago is no wrong one, whatever the name service says now. */
const lookedUp = (error: NetworkError): NetworkError =>
  error.unknownHost ? toNetworkError({ code: 'EAI_AGAIN', cause: error }) : error

/** The server no longer has what we hold the beginning of. */
class RangeMismatchError extends NetworkError {}

function headersFor({ bytes, validator }: PartialDownload): Record<string, string> {
  // Ranges of a compressed body are of no use. Some stores keep compressed objects and ask nobody.
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'musetalk-worker' }
  if (bytes === 0 || validator === undefined) return headers
  return { ...headers, range: `bytes=${bytes}-`, 'if-range': validator }
}

/** 203: the file as a proxy has made it, RFC 9110, 15.3.4. */
const VIA_PROXY = 203

/** Where the body of an answer belongs: behind what we have, or at the start. */
function applyResponse(have: PartialDownload, { status, headers }: HttpResponse): PartialDownload {
  if (status === 200 || status === VIA_PROXY) {
    // Lengths, ranges and ETags of a compressed body are those of its compressed bytes.
    if (codingsOf(headers['content-encoding']).length > 0) return { bytes: 0 }
    const validator = validatorOf(headers)
    const length = headers['content-length']
    return {
      bytes: 0,
      ...(validator !== undefined && { validator }),
      ...(length !== undefined && { total: Number(length) }),
    }
  }
  if (status === 206) {
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers['content-range'] ?? '') ?? []
    const validator = validatorOf(headers)
    // Some servers send a range to whoever asks for the file.
    if (have.bytes === 0 && Number(start) === 0) {
      return {
        bytes: 0,
        ...(validator !== undefined && { validator }),
        ...(total !== '*' && { total: Number(total) }),
      }
    }
    const same =
      have.bytes > 0 &&
      Number(start) === have.bytes &&
      (validator === undefined || validator === have.validator) &&
      (have.total === undefined || total === '*' || Number(total) === have.total)
    if (!same) throw new RangeMismatchError('answered with another range than asked for')
    return have.total === undefined && total !== '*' ? { ...have, total: Number(total) } : have
  }
  if (status === 416) throw new RangeMismatchError('no longer has the rest of the file')
  throw new NetworkError(`answered with status ${status}`, {
    status,
    permanent: !isRetryableStatus(status),
    retryAfterMs: parseRetryAfter(headers['retry-after']),
  })
}

/** A weak ETag promises the same meaning, not the same bytes. */
function validatorOf(headers: Record<string, string>): string | undefined {
  const { etag } = headers
  return etag && !etag.startsWith('W/') ? etag : headers['last-modified']
}

async function writeBody(
  { body, headers }: HttpResponse,
  file: DownloadTarget,
  have: PartialDownload,
  {
    timeouts,
    maxBytes,
    stalled,
  }: { timeouts: Timeouts; maxBytes: number; stalled: AbortController },
): Promise<void> {
  let seen = have.bytes
  const watch = setInterval(() => {
    if (have.bytes - seen < timeouts.stallBytes) {
      stalled.abort(new NetworkError('sends too slowly'))
    }
    seen = have.bytes
  }, timeouts.stallMs)
  try {
    for await (const chunk of decodeBody(body, codingsOf(headers['content-encoding']))) {
      if (have.bytes + chunk.length > maxBytes) throw tooLarge(maxBytes)
      for (let done = 0; done < chunk.length;) {
        const left = chunk.length - done
        const { bytesWritten } = await file.write(chunk, done, left, have.bytes)
        done += bytesWritten
        have.bytes += bytesWritten
      }
    }
  } finally {
    clearInterval(watch)
  }
}

const tooLarge = (limit: number) =>
  new InputError('MEDIA_TOO_LARGE', `more than the limit of ${limit} bytes`)
