import { createHash } from 'node:crypto'
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
import { fileSizeAndDigest } from './storage.ts'
import { networkErrorFromS3, toUploadError } from './storage-errors.ts'
import { uploadFile, type ObjectHeaders, type SendWithRetry } from './multipart.ts'
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

/**
 * Any S3. Checksum headers only where S3 requires them (`WHEN_REQUIRED`): others than AWS refuse
 * them, or store the framing of a checksummed stream as if it were content. Each body goes with its
 * MD5 instead, which everybody checks.
 */
export function s3Storage(options: S3Options): Storage {
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
    return { bytes: head.ContentLength, sha256: head.Metadata?.['sha256'] }
  }

  return {
    kind: 's3',
    put: (name, path, outer, disposition) =>
      withTimeout(outer, timeouts.uploadMs, async (signal) => {
        const { bytes, sha256 } = await fileSizeAndDigest(path, signal)
        const head: ObjectHeaders = {
          ...at(name),
          ContentType: mediaTypeOf(name),
          Metadata: { sha256 },
          ...(disposition !== undefined && { ContentDisposition: disposition }),
        }
        const partBytes = options.partBytes ?? 8 * MIB
        await uploadFile(path, head, { client, send: sendWithRetry, bytes, partBytes, signal })
        const found = await headObject(name, signal)
        if (found.bytes !== bytes || found.sha256 !== sha256) {
          throw new NetworkError(`holds ${found.bytes} bytes, not the ${bytes} that were sent`)
        }
        return { key: keyOf(name), url: await urlOf(name), bytes, sha256 }
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
          const { bytes, sha256 } = await headObject(name, signal)
          const get = new GetObjectCommand(at(sidecarOf(name)))
          const text = await sendWithRetry(async (call) => {
            const { Body } = await client.send(get, call)
            return Body!.transformToString()
          }, signal)
          if (bytes === undefined || sha256 === undefined) return undefined
          const url = await urlOf(name)
          return { key: keyOf(name), url, bytes, sha256, sidecar: sidecarFrom(text) }
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
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(ms)
  try {
    return await run(AbortSignal.any([signal, late]))
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted) throw toUploadError(new NetworkError(`took longer than ${ms / 1000} s`))
    throw error instanceof NetworkError ? toUploadError(error) : error
  }
}
