import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { delayAbort, retry } from '../net/retry.ts'
import { NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../net/timeouts.ts'
import { fileSizeAndDigest, journalPath, MeasuredBytes } from './storage.ts'
import { networkErrorFromS3, toUploadError } from './storage-errors.ts'
import { uploadFile, uploadStream, type ObjectHeaders, type SendWithRetry } from './multipart.ts'
import { mediaTypeOf, sidecarFrom, sidecarOf, urlPath, type Storage } from './storage.ts'

export interface S3Options {
  /** AWS itself where unset. */
  endpoint?: string
  region: string
  bucket: string
  keyId: string
  secret: string
  /** Before every key, without slashes at its ends; none where empty. */
  prefix: string
  /** Where objects can be read without credentials; a presigned GET where unset. */
  publicBaseUrl?: string
  timeouts?: Timeouts
  partBytes?: number
  expiresS?: number
}

const MIB = 2 ** 20
const CLEANUP_MS = 10_000 // for dropping the parts of a former life's upload
const WEEK_S = 604_800 // the longest that a signature may live

export type S3Storage = Required<Storage>

/**
 * Any S3. Checksum headers only where S3 requires them (`WHEN_REQUIRED`): others than AWS refuse
 * them, or store the framing of a checksummed stream as if it were content. Each body goes with its
 * MD5 instead, which everybody checks.
 */
export function s3Storage(options: S3Options): S3Storage {
  const { bucket: Bucket, prefix, publicBaseUrl, timeouts = DEFAULT_TIMEOUTS } = options
  const client = new S3Client({
    region: options.region,
    credentials: { accessKeyId: options.keyId, secretAccessKey: options.secret },
    ...(options.endpoint !== undefined && { endpoint: options.endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1, // retried here, with the job's signal
    requestHandler: { connectionTimeout: timeouts.connectMs },
  })
  addContentMd5(client)
  const keyOf = (name: string) => (prefix ? `${prefix}/${name}` : name)
  const at = (name: string) => ({ Bucket, Key: keyOf(name) })
  const expiresIn = options.expiresS ?? WEEK_S
  const urlOf = (name: string) =>
    publicBaseUrl !== undefined
      ? Promise.resolve(`${publicBaseUrl.replace(/\/+$/, '')}/${urlPath(keyOf(name))}`)
      : getSignedUrl(client, new GetObjectCommand(at(name)), { expiresIn })

  /** Each try is really ended before the next; they end with the job, not with the client's timeouts. */
  const sendWithRetry: SendWithRetry = (run, signal, graceMs = 0) =>
    retry(
      async () => {
        const slow = AbortSignal.timeout(timeouts.requestMs)
        try {
          return await run({ abortSignal: AbortSignal.any([delayAbort(signal, graceMs), slow]) })
        } catch (thrown) {
          signal.throwIfAborted()
          throw networkErrorFromS3(thrown, slow.aborted)
        }
      },
      timeouts.upload,
      signal,
    )

  async function abortMultipartUpload(
    upload: { Key: string; UploadId: string | undefined },
    signal: AbortSignal,
  ) {
    const command = new AbortMultipartUploadCommand({ Bucket, ...upload })
    await sendWithRetry((call) => client.send(command, call), signal)
  }

  async function headObject(name: string, signal: AbortSignal) {
    const head = await sendWithRetry(
      (call) => client.send(new HeadObjectCommand(at(name)), call),
      signal,
    )
    const { ContentLength: bytes, ETag: etag, Metadata } = head
    const sha256 = Metadata?.['sha256']
    return { bytes, ...(sha256 && { sha256 }), ...(etag && { etag }) }
  }

  /** @throws NetworkError for an object that is not what was sent */
  async function assertStored(
    name: string,
    sent: { bytes: number; sha256?: string },
    signal: AbortSignal,
  ) {
    const found = await headObject(name, signal)
    if (found.bytes === sent.bytes && found.sha256 === sent.sha256) return found
    throw new NetworkError(`holds ${found.bytes} bytes, not the ${sent.bytes} that were sent`)
  }

  const headersOf = (name: string, disposition: string | undefined): ObjectHeaders => ({
    ...at(name),
    ContentType: mediaTypeOf(name),
    ...(disposition !== undefined && { ContentDisposition: disposition }),
  })
  const sender = { client, send: sendWithRetry, partBytes: options.partBytes ?? 8 * MIB }

  return {
    kind: 's3',
    put: (name, path, outer, disposition) =>
      withTimeout(outer, timeouts.uploadMs, async (signal) => {
        const { bytes, sha256 } = await fileSizeAndDigest(path, signal)
        const head = { ...headersOf(name, disposition), Metadata: { sha256 } }
        await uploadFile(path, bytes, head, { ...sender, signal })
        await assertStored(name, { bytes, sha256 }, signal)
        return { key: keyOf(name), url: await urlOf(name), bytes, sha256 }
      }),
    // Metadata goes before the first byte, so the object cannot say its SHA-256.
    putGrowing: (name, file, outer, disposition) =>
      withTimeout(outer, undefined, async (signal) => {
        const measured = new MeasuredBytes()
        const body = Readable.from(measured.pass(file.read(signal)), { objectMode: false })
        const head = headersOf(name, disposition)
        await uploadStream(body, journalPath(file.path), head, { ...sender, signal })
        const { bytes } = measured
        const { etag } = await assertStored(name, { bytes }, signal)
        const stored = { key: keyOf(name), url: await urlOf(name), bytes }
        return { ...stored, sha256: measured.sha256(), ...(etag !== undefined && { etag }) }
      }),
    putMetadata: (name, sidecar, outer) =>
      withTimeout(outer, timeouts.headersMs, async (signal) => {
        const Body = Buffer.from(JSON.stringify(sidecar))
        const input = { ...at(sidecarOf(name)), Body, ContentType: 'application/json' }
        const put = new PutObjectCommand(input)
        await sendWithRetry((call) => client.send(put, call), signal)
      }),
    find: (name, outer) =>
      withTimeout(outer, timeouts.headersMs, async (signal) => {
        try {
          const { bytes, ...identity } = await headObject(name, signal)
          const get = new GetObjectCommand(at(sidecarOf(name)))
          const text = await sendWithRetry(async (call) => {
            const { Body } = await client.send(get, call)
            return Body!.transformToString()
          }, signal)
          if (bytes === undefined) return undefined
          const url = await urlOf(name)
          return { key: keyOf(name), url, bytes, ...identity, sidecar: sidecarFrom(text) }
        } catch (error) {
          if (error instanceof NetworkError && error.status === 404) return undefined
          throw error
        }
      }),
    abortUpload: ({ key, uploadId }, outer) =>
      withTimeout(outer, CLEANUP_MS, (signal) =>
        abortMultipartUpload({ Key: key, UploadId: uploadId }, signal).catch((error: unknown) => {
          if (!(error instanceof NetworkError) || error.status !== 404) throw error
        }),
      ),
    remove: (name, outer) =>
      withTimeout(outer, timeouts.uploadMs, async (signal) => {
        for (const each of [sidecarOf(name), name]) {
          await sendWithRetry(
            (call) => client.send(new DeleteObjectCommand(at(each)), call),
            signal,
          )
        }
      }),
  }
}

/** Every body goes with its MD5; a store that gets other bytes refuses them, and they are sent again. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { body, headers } = args.request as { body: unknown; headers: Record<string, string> }
      if (body instanceof Uint8Array) {
        headers['content-md5'] = createHash('md5').update(body).digest('base64')
      }
      return next(args)
    },
    { step: 'build', name: 'contentMd5' },
  )
}

/** Turns what went wrong into the job's error, and a limit that was passed into a failed upload. */
async function withTimeout<T>(
  signal: AbortSignal,
  ms: number | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = ms === undefined ? undefined : AbortSignal.timeout(ms)
  try {
    return await run(late ? AbortSignal.any([signal, late]) : signal)
  } catch (error) {
    signal.throwIfAborted()
    if (late?.aborted) throw toUploadError(new NetworkError(`took longer than ${ms! / 1000} s`))
    throw error instanceof NetworkError ? toUploadError(error) : error
  }
}
