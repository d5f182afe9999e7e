import { open, readFile, rm, writeFile } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { createRetry, delayAbort } from '../net/retry.ts'
import { NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../net/timeouts.ts'
import { fileSizeAndDigest } from './storage.ts'
import { networkErrorFromS3, toUploadError } from './storage-errors.ts'
import { mapConcurrent, md5, readPart } from './multipart.ts'
import {
  mediaTypeOf,
  journalPath,
  sidecarFrom,
  sidecarOf,
  urlPath,
  type Storage,
} from './storage.ts'

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
  patience?: Timeouts
  partBytes?: number
  expiresS?: number
}

const MIB = 2 ** 20
const MAX_PARTS = 10_000 // S3's limit
const GRACE_MS = 5_000 // for the answer that tells the id of an upload, after the job was stopped
const CLEANUP_MS = 10_000 // for dropping the parts of an upload that failed
const WEEK_S = 604_800 // the longest that a signature may live

/**
 * Any S3. Checksum headers only where S3 requires them (`WHEN_REQUIRED`): others than AWS refuse
 * them, or store the framing of a checksummed stream as if it were content. Each body goes with its
 * MD5 instead, which everybody checks.
 */
export function s3Storage(options: S3Options): Storage {
  const { bucket: Bucket, prefix, publicBaseUrl, patience = DEFAULT_TIMEOUTS } = options
  const client = new S3Client({
    region: options.region,
    credentials: { accessKeyId: options.keyId, secretAccessKey: options.secret },
    ...(options.endpoint !== undefined && { endpoint: options.endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1, // retried here, with the job's signal
    requestHandler: { connectionTimeout: patience.connectMs },
  })
  const keyOf = (name: string) => (prefix ? `${prefix}/${name}` : name)
  const at = (name: string) => ({ Bucket, Key: keyOf(name) })
  const expiresIn = options.expiresS ?? WEEK_S
  const urlOf = (name: string) =>
    publicBaseUrl !== undefined
      ? Promise.resolve(`${publicBaseUrl.replace(/\/+$/, '')}/${urlPath(keyOf(name))}`)
      : getSignedUrl(client, new GetObjectCommand(at(name)), { expiresIn })

  /**
   * One request until it is answered; each try is really ended before the next.
   * @param graceMs how long a try may outlive the signal
   */
  async function sendWithRetry<T>(
    run: (call: { abortSignal: AbortSignal }) => Promise<T>,
    signal: AbortSignal,
    graceMs = 0,
  ): Promise<T> {
    const tries = createRetry(patience.upload)
    for (;;) {
      const slow = AbortSignal.timeout(patience.requestMs)
      try {
        return await run({ abortSignal: AbortSignal.any([delayAbort(signal, graceMs), slow]) })
      } catch (thrown) {
        signal.throwIfAborted()
        const error = networkErrorFromS3(thrown, slow.aborted)
        if (error.permanent) throw error
        await tries.pause(error, signal)
      }
    }
  }

  async function multipart(path: string, bytes: number, head: ObjectHeaders, signal: AbortSignal) {
    const { Bucket, Key } = head
    await using file = await open(path)
    // An upload that was begun unheard could not be dropped, so its answer is waited for.
    const create = (call: object) => client.send(new CreateMultipartUploadCommand(head), call)
    const { UploadId } = await sendWithRetry(create, signal, GRACE_MS)
    try {
      await writeFile(journalPath(path), JSON.stringify({ key: Key, uploadId: UploadId }))
      const part = Math.max(options.partBytes ?? 8 * MIB, Math.ceil(bytes / MAX_PARTS))
      const Parts = await mapConcurrent(Math.ceil(bytes / part), async (index) => {
        signal.throwIfAborted()
        const Body = await readPart(file, index * part, Math.min(part, bytes - index * part))
        const input = { Bucket, Key, UploadId, PartNumber: index + 1, Body, ContentMD5: md5(Body) }
        const { ETag } = await sendWithRetry(
          (call) => client.send(new UploadPartCommand(input), call),
          signal,
        )
        return { ETag, PartNumber: index + 1 }
      })
      const done = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
      await sendWithRetry(
        (call) => client.send(new CompleteMultipartUploadCommand(done), call),
        signal,
      )
    } catch (error) {
      const wasCompleted = error instanceof NetworkError && error.status === 404
      await abortMultipartUpload({ Key, UploadId }, AbortSignal.timeout(CLEANUP_MS)).catch(() => {})
      // A completion whose answer was lost is answered "no such upload"; the check below decides.
      if (!wasCompleted) throw error
    } finally {
      await rm(journalPath(path), { force: true })
    }
  }

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
      withTimeout(outer, patience.uploadMs, async (signal) => {
        const { bytes, sha256 } = await fileSizeAndDigest(path, signal)
        const head: ObjectHeaders = {
          ...at(name),
          ContentType: mediaTypeOf(name),
          Metadata: { sha256 },
          ...(disposition !== undefined && { ContentDisposition: disposition }),
        }
        if (bytes <= (options.partBytes ?? 8 * MIB)) {
          const Body = await readFile(path)
          const input = { ...head, Body, ContentMD5: md5(Body) }
          await sendWithRetry((call) => client.send(new PutObjectCommand(input), call), signal)
        } else await multipart(path, bytes, head, signal)
        const found = await headObject(name, signal)
        if (found.bytes !== bytes || found.sha256 !== sha256) {
          throw new NetworkError(`holds ${found.bytes} bytes, not the ${bytes} that were sent`)
        }
        return { key: keyOf(name), url: await urlOf(name), bytes, sha256 }
      }),
    putMetadata: (name, sidecar, outer) =>
      withTimeout(outer, patience.headersMs, async (signal) => {
        const Body = Buffer.from(JSON.stringify(sidecar))
        const input = { ...at(sidecarOf(name)), Body, ContentType: 'application/json' }
        const put = new PutObjectCommand({ ...input, ContentMD5: md5(Body) })
        await sendWithRetry((call) => client.send(put, call), signal)
      }),
    find: (name, outer) =>
      withTimeout(outer, patience.headersMs, async (signal) => {
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
      withTimeout(outer, patience.uploadMs, async (signal) => {
        for (const each of [sidecarOf(name), name]) {
          await sendWithRetry(
            (call) => client.send(new DeleteObjectCommand(at(each)), call),
            signal,
          )
        }
      }),
  }
}

interface ObjectHeaders {
  Bucket: string
  Key: string
  ContentType: string
  Metadata: Record<string, string>
  ContentDisposition?: string
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
