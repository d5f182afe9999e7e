import { UpstreamError } from '../errors.ts'
import { toNetworkError, isRetryableStatus, NetworkError } from '../net/network-error.ts'

/** What a store or the way to it did wrong, as the job's error. */
export function toUploadError(error: NetworkError): UpstreamError {
  const message = `the storage ${error.message}`
  return new UpstreamError('UPLOAD_FAILED', message, { cause: error, retryable: !error.permanent })
}

/** Refusals that blame the transfer, or a clock that the client has set right since. */
const RETRYABLE_S3_CODES = new Set([
  ...['BadDigest', 'IncompleteBody', 'RequestTimeout', 'XAmzContentSHA256Mismatch'],
  ...['RequestTimeTooSkewed', 'RequestExpired'],
])

/**
 * An answer with an error status. `name` is the store's error code where there was one, `sentence` what
 * it says of it: only that tells a cap that is reached from a key that may not write.
 */
export function httpError(status: number, name: string, sentence = ''): NetworkError {
  const final = !isRetryableStatus(status) && !RETRYABLE_S3_CODES.has(name)
  const code = /^\w{1,60}$/.test(name) ? ` (${name})` : ''
  const found =
    status === 401 || status === 403
      ? `refused the credentials or what they may do: ${status}${code}`
      : `answered with status ${status}${code}`
  const hint = asksForVirtualHost(sentence) ? '; set S3_ADDRESSING_STYLE=virtual' : ''
  const message = found + printable(sentence) + hint
  return new NetworkError(message, { status, permanent: final })
}

/** What stores say that refuse the bucket in the path of an address. */
export const asksForVirtualHost = (sentence: string): boolean => /virtual.hosted/i.test(sentence)

/** A store that works and has had enough for now: that passes, or is lifted by hand at any time. */
export const isCapReached = (sentence: string): boolean =>
  /\b(cap|quota)\b.*\bexceeded|cap_exceeded|QuotaExceeded/i.test(sentence)

/** Without what may be a key, a name or an address: those are quoted, or longer than words are. */
function printable(sentence: string): string {
  const clean = sentence
    .replace(/["'][^"']*["']/g, '…')
    .replace(/\S*[\w+/=:.-]{16,}\S*/g, '…')
    .replace(/\s+/g, ' ')
    .trim()
  return / /.test(clean) ? `: ${clean.slice(0, 200)}` : ''
}

/** Whatever an S3 client threw: an answer of the server, or no answer at all. */
export function networkErrorFromS3(error: unknown, timedOut: boolean): NetworkError {
  if (error instanceof NetworkError) return error
  if (timedOut) return new NetworkError('did not answer in time', { cause: error })
  type S3Error = Error & { $metadata?: { httpStatusCode?: number } }
  const { $metadata, name, message } = error as S3Error
  const status = $metadata?.httpStatusCode
  // Not as the cause: an S3 error repeats the key that was refused.
  return status === undefined ? toNetworkError(error) : httpError(status, name, message)
}
