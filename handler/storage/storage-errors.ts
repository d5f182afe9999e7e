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

/** An answer with an error status. `name` is the S3 error code where there was one. */
export function httpError(status: number, name: string): NetworkError {
  const final = !isRetryableStatus(status) && !RETRYABLE_S3_CODES.has(name)
  const code = /^[A-Za-z0-9]{1,60}$/.test(name) ? ` (${name})` : ''
  const message =
    status === 401 || status === 403
      ? `refused the credentials or what they may do: ${status}${code}`
      : `answered with status ${status}${code}`
  return new NetworkError(message, { status, permanent: final })
}

/** Whatever an S3 client threw: an answer of the server, or no answer at all. */
export function networkErrorFromS3(error: unknown, timedOut: boolean): NetworkError {
  if (error instanceof NetworkError) return error
  if (timedOut) return new NetworkError('did not answer in time', { cause: error })
  const { $metadata, name } = error as { $metadata?: { httpStatusCode?: number }; name: string }
  const status = $metadata?.httpStatusCode
  // Not as the cause: an S3 error repeats the key that was refused.
  return status === undefined ? toNetworkError(error) : httpError(status, name)
}
