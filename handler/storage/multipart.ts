import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { rm, writeFile } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { NetworkError } from '../net/network-error.ts'
import { journalPath, type UploadJournal } from './storage.ts'

/**
 * Sends a request until it is answered.
 * @param graceMs how long a try may outlive the signal
 * @throws NetworkError; the signal's reason
 */
export type SendWithRetry = <T>(
  run: (call: { abortSignal: AbortSignal }) => Promise<T>,
  signal: AbortSignal,
  graceMs?: number,
) => Promise<T>

export interface ObjectHeaders {
  Bucket: string
  Key: string
  ContentType: string
  Metadata?: Record<string, string>
  ContentDisposition?: string
}

export interface UploadOptions {
  client: S3Client
  send: SendWithRetry
  partBytes: number
  signal: AbortSignal
}

const MAX_PARTS = 10_000 // S3's limit
const CONCURRENCY = 3 // parts; with their bytes in memory
const GRACE_MS = 5_000 // for the answer that tells the id of an upload, after the job was stopped
const CLEANUP_MS = 10_000 // for dropping the parts of an upload that failed

/** Send a file of a known size, as `uploadStream` does. */
export const uploadFile = (
  path: string,
  bytes: number,
  head: ObjectHeaders,
  options: UploadOptions,
): Promise<boolean> =>
  uploadStream(createReadStream(path), journalPath(path), head, {
    ...options,
    partBytes: Math.max(options.partBytes, Math.ceil(bytes / MAX_PARTS)),
  })

/**
 * Send what a stream brings, in parts where it is more than one: three of them are in memory at most.
 * When this rejects, because the stream does or a request, no request is underway any more, and the
 * parts were dropped; what a killed process leaves is in the journal.
 *
 * @returns whether the store has said that it has the object; else whoever called has to look
 * @throws NetworkError; the stream's error; the signal's reason
 */
export async function uploadStream(
  Body: Readable,
  journal: string,
  head: ObjectHeaders,
  { partBytes, signal: outer, ...sender }: UploadOptions,
): Promise<boolean> {
  const failed = new AbortController()
  // A stream that waits for its source would hold an upload that has failed already.
  failed.signal.addEventListener('abort', () => Body.destroy(failed.signal.reason as Error))
  const upload = new Upload({
    client: clientOfUpload(journal, sender, outer, failed),
    params: { ...head, Body },
    queueSize: CONCURRENCY,
    partSize: partBytes,
  })
  try {
    await upload.done()
    return true
  } catch (error) {
    // A completion whose answer was lost is answered "no such upload".
    if (!(error instanceof NetworkError) || error.status !== 404) throw error
    return false
  } finally {
    Body.destroy()
    await rm(journal, { force: true })
  }
}

/**
 * The client as one `Upload` sees it. The library neither cancels the requests of an upload that was
 * given up (contract: "a store that hangs", "an abort during …") nor ends its other parts when one has
 * failed for good, and the client's own retries sleep through an abort ("a store that is down does not
 * hold a job that was stopped"); so its requests go by our way of sending.
 */
function clientOfUpload(
  journalFile: string,
  { client, send }: Pick<UploadOptions, 'client' | 'send'>,
  outer: AbortSignal,
  failed: AbortController,
): S3Client {
  const signal = AbortSignal.any([outer, failed.signal])
  type Command = Parameters<S3Client['send']>[0]
  const drop = (command: AbortMultipartUploadCommand) =>
    send((call) => client.send(command, call), AbortSignal.timeout(CLEANUP_MS)).catch(() => {})

  async function begin(command: CreateMultipartUploadCommand) {
    // An upload that was begun unheard could not be dropped, so its answer is waited for.
    const answer: CreateMultipartUploadCommandOutput = await send(
      (call) => client.send(command, call),
      signal,
      GRACE_MS,
    )
    const { Bucket, Key } = command.input
    const { UploadId } = answer
    try {
      const journal: UploadJournal = { key: Key!, uploadId: UploadId! }
      await writeFile(journalFile, JSON.stringify(journal))
    } catch (error) {
      await drop(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
      throw error
    }
    return answer
  }

  async function sendOne(command: Command): Promise<unknown> {
    if (command instanceof AbortMultipartUploadCommand) return drop(command)
    try {
      signal.throwIfAborted()
      if (command instanceof CreateMultipartUploadCommand) return await begin(command)
      return await send((call) => client.send(command, call), signal)
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  return Object.create(client, { send: { value: sendOne } }) as S3Client
}
