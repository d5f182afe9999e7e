import * as v from 'valibot'
import { UpstreamError } from '../errors.ts'
import { readBody } from '../net/read-body.ts'
import { toNetworkError, isRetryableStatus, NetworkError } from '../net/network-error.ts'

/** What a store or the way to it did wrong, as the job's error. */
export function toUploadError(error: NetworkError): UpstreamError {
  const message = `the storage ${error.message}`
  return new UpstreamError('UPLOAD_FAILED', message, { cause: error, retryable: !error.permanent })
}

/**
 * Refusals that blame the transfer, a clock that the client has set right since, or how busy the store is:
 * not all send those with a status that says so.
 */
const RETRYABLE_S3_CODES = new Set([
  ...['BadDigest', 'IncompleteBody', 'RequestTimeout', 'XAmzContentSHA256Mismatch'],
  ...['RequestTimeTooSkewed', 'RequestExpired', 'OperationAborted', 'InternalError'],
  ...['SlowDown', 'ServiceUnavailable', 'Throttling', 'ThrottlingException', 'TooManyRequests'],
  ...['RequestLimitExceeded', 'BandwidthLimitExceeded', 'RequestThrottled', 'ServerBusy'],
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

const MAX_REFUSAL = 65_536 // bytes

/** What a store says beside an error status, as `httpError` takes it. */
export async function readRefusal(
  body: AsyncIterable<Uint8Array>,
): Promise<[code: string, sentence: string]> {
  const text = await readBody(body, MAX_REFUSAL).catch(() => '') // the status alone has to do
  return refusalIn(text)
}

/** The code and the sentence of a refusal, S3's or B2's; neither where it is in another form. */
export function refusalIn(text: string): [code: string, sentence: string] {
  const json = v.safeParse(JsonRefusal, text)
  if (json.success) return [json.output.code, json.output.message]
  return [xmlField(text, 'Code'), xmlField(text, 'Message')]
}

/** @see https://www.backblaze.com/docs/cloud-storage-api-error-codes */
const JsonRefusal = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ code: v.string(), message: v.string() }),
)

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function xmlField(text: string, name: string): string {
  const [, found = ''] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text) ?? []
  return found.replace(
    /&(amp|lt|gt|quot|apos);/g,
    (_, entity: keyof typeof ENTITIES) => ENTITIES[entity],
  )
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

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
