import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { watchProgress } from '../net/progress-watch.ts'
import { delayAbort, retry } from '../net/retry.ts'
import { NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../net/timeouts.ts'
import { fileSizeAndDigest, journalPath, MeasuredBytes } from './storage.ts'
import { createS3Client, type S3Access } from './s3-client.ts'
import { asksForVirtualHost, networkErrorFromS3, toUploadError } from './storage-errors.ts'
import { uploadFile, uploadStream, type ObjectHeaders, type SendWithRetry } from './multipart.ts'
import { mediaTypeOf, sidecarFrom, sidecarOf, urlPath } from './storage.ts'
import type { ListedObject, Storage } from './storage.ts'

export interface S3Options extends S3Access {
  bucket: string
  /** Before every key, without slashes at its ends; none where empty. */
  prefix: string
  /** Where objects can be read without credentials; a presigned GET where unset. */
  publicBaseUrl?: string
  timeouts?: Timeouts
  partBytes?: number
  expiresS?: number
}

const MIB = 2 ** 20
const LIST_PAGES = 10 // of a thousand names
const CLEANUP_MS = 10_000 // for dropping the parts of a former life's upload
const WEEK_S = 604_800 // the longest that a signature may live

export type S3Storage = Required<Storage>

/** Results in a bucket of any S3. */
export function s3Storage(options: S3Options): S3Storage {
  const { bucket: Bucket, prefix, publicBaseUrl, timeouts = DEFAULT_TIMEOUTS } = options
  const { client, onProgress, useVirtualHost } = createS3Client(options, timeouts.connectMs)
  const keyOf = (name: string) => (prefix ? `${prefix}/${name}` : name)
  const at = (name: string) => ({ Bucket, Key: keyOf(name) })
  const expiresIn = options.expiresS ?? WEEK_S
  /** By the store's clock, as far as its answers have told: a URL that is signed ahead of it is refused. */
  const storeTime = () => new Date(Date.now() + client.config.systemClockOffset)
  const urlOf = (name: string) =>
    publicBaseUrl !== undefined
      ? Promise.resolve(`${publicBaseUrl.replace(/\/+$/, '')}/${urlPath(keyOf(name))}`)
      : getSignedUrl(client, new GetObjectCommand(at(name)), {
          expiresIn,
          signingDate: storeTime(),
        })

  /** Each try is really ended before the next; they end with the job, not with the client's timeouts. */
  const sendWithRetry: SendWithRetry = (run, signal, graceMs = 0) =>
    retry(
      async () => {
        using watch = watchProgress(timeouts.requestMs)
        const abortSignal = AbortSignal.any([delayAbort(signal, graceMs), watch.signal])
        onProgress(abortSignal, watch.moved)
        try {
          return await run({ abortSignal })
        } catch (thrown) {
          signal.throwIfAborted()
          const error = networkErrorFromS3(thrown, watch.signal.aborted)
          const adapted = asksForVirtualHost(error.message) && useVirtualHost()
          throw adapted ? new NetworkError(error.message) : error
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

  /**
   * Look for an object that was just written. Behind a cache, or where copies are made, the first look
   * may show what was there before, or nothing.
   * @throws NetworkError for an object that is not what was sent
   */
  const assertStored = (name: string, sent: SentObject, signal: AbortSignal) =>
    retry(() => lookForStored(name, sent, signal), timeouts.upload, signal, {
      isRetryable: isStale,
    })

  async function lookForStored(name: string, sent: SentObject, signal: AbortSignal) {
    const found = await headObject(name, signal).catch((error: unknown) => {
      const isMissing = error instanceof NetworkError && error.status === 404
      if (!isMissing || !sent.confirmed) throw error
      throw new StaleObjectError('took the file and does not have it')
    })
    if (found.bytes === sent.bytes && found.sha256 === sent.sha256) return found
    const other =
      found.bytes !== sent.bytes
        ? `${found.bytes} bytes, not the ${sent.bytes} that were sent`
        : `an object with ${found.sha256 ? 'another' : 'no'} SHA-256 in its metadata (x-amz-meta-sha256)`
    throw new StaleObjectError(`holds ${other}`)
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
      withTimeout(outer, timeouts.uploadMs, async (signal, moved) => {
        const { bytes, sha256 } = await fileSizeAndDigest(path, signal)
        const head = { ...headersOf(name, disposition), Metadata: { sha256 } }
        const send: SendWithRetry = (...request) => sendWithRetry(...request).finally(moved)
        const confirmed = await uploadFile(path, bytes, head, { ...sender, send, signal })
        await assertStored(name, { bytes, sha256, confirmed }, signal)
        return { key: keyOf(name), url: await urlOf(name), bytes, sha256 }
      }),
    // Metadata goes before the first byte, so the object cannot say its SHA-256.
    putGrowing: (name, file, outer, disposition) =>
      withTimeout(outer, undefined, async (signal) => {
        const measured = new MeasuredBytes()
        const body = Readable.from(measured.pass(file.read(signal)), { objectMode: false })
        const head = headersOf(name, disposition)
        const journal = journalPath(file.path)
        const confirmed = await uploadStream(body, journal, head, { ...sender, signal })
        const { bytes } = measured
        const { etag } = await assertStored(name, { bytes, confirmed }, signal)
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
    fetch: (name, file, outer) =>
      withTimeout(outer, timeouts.uploadMs, (signal, moved) =>
        sendWithRetry(async (call) => {
          const { Body } = await client.send(new GetObjectCommand(at(name)), call)
          const body = (Body as Readable).on('data', moved)
          await pipeline(body, createWriteStream(file), { signal: call.abortSignal })
        }, signal),
      ),
    list: (folder, outer) =>
      withTimeout(outer, timeouts.headersMs, async (signal, moved) => {
        const listed: ListedObject[] = []
        let from: { ContinuationToken?: string } = {}
        for (let page = 0; page < LIST_PAGES; page++) {
          const list = new ListObjectsV2Command({ Bucket, Prefix: keyOf(`${folder}/`), ...from })
          const found = await sendWithRetry((call) => client.send(list, call), signal)
          moved()
          for (const { Key, LastModified } of found.Contents ?? []) {
            listed.push({ name: Key!.slice(keyOf('').length), storedAt: LastModified! })
          }
          const next = found.NextContinuationToken
          if (next === undefined) break
          from = { ContinuationToken: next }
        }
        return listed
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

interface SentObject {
  bytes: number
  sha256?: string
  /** Whether the store has said that it has it. */
  confirmed: boolean
}

class StaleObjectError extends NetworkError {}
const isStale = (error: unknown) => error instanceof StaleObjectError

/** Turns what went wrong into the job's error, and a limit that was passed into a failed upload. */
async function withTimeout<T>(
  signal: AbortSignal,
  ms: number | undefined,
  run: (signal: AbortSignal, moved: () => void) => Promise<T>,
): Promise<T> {
  using watch = ms === undefined ? undefined : watchProgress(ms)
  const late = watch?.signal
  try {
    return await run(late ? AbortSignal.any([signal, late]) : signal, () => watch?.moved())
  } catch (error) {
    signal.throwIfAborted()
    if (late?.aborted) throw toUploadError(new NetworkError(`got no further for ${ms! / 1000} s`))
    throw error instanceof NetworkError ? toUploadError(error) : error
  }
}
