import { RequestRefused, WorkerUnreachable } from './errors.ts'
import { wait, type Requester, type RequestOptions } from './requester.ts'

/** The path of a file (in Node), a file of a page, or bytes as they come. */
export type Uploadable = string | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

export interface UploadOptions extends RequestOptions {
  /** Told of the bytes that have arrived; not of those of a stream. */
  onProgress?(sent: number, total: number): void
  /** Bytes of one request; 8 MB where unset, which every proxy lets through. */
  partBytes?: number
}

/** A file at the worker. */
export interface Upload {
  id: string
  /** What a job says as its `video_url` or `audio_url`. */
  url: string
  bytes: number
  complete: boolean
  sha256?: string
  /** ISO 8601. */
  expires_at: string
}

const MOST_TRIES = 6

/**
 * Sends a file in parts, and goes on where the line broke; a stream is sent in one request, which cannot go on.
 * @throws RequestRefused where the worker has no room for it, WorkerUnreachable, the signal's reason
 */
export async function uploadFile(
  requester: Requester,
  file: Uploadable,
  options: UploadOptions,
): Promise<Upload> {
  const { signal } = options
  if (typeof file === 'string') return sendParts(requester, await openFile(file), options)
  if (file instanceof Blob) return sendParts(requester, file, options)
  return requester.askJson<Upload>('POST', 'uploads', {
    ...(signal && { signal }),
    headers: { 'content-type': 'application/octet-stream' },
    body: file instanceof ReadableStream ? file : streamOf(file),
    once: true,
  })
}

/** By tus, @see https://tus.io/protocols/resumable-upload */
async function sendParts(
  { ask, askJson, retryDelayMs }: Requester,
  file: Blob,
  { signal, onProgress, partBytes = 8_000_000 }: UploadOptions,
): Promise<Upload> {
  const call = { ...(signal && { signal }) }
  const { id } = await askJson<Upload>('POST', 'uploads', {
    ...call,
    headers: { 'upload-length': String(file.size) },
  })
  const path = `uploads/${encodeURIComponent(id)}`
  let offset = 0
  for (let tries = 1; offset < file.size;) {
    const before = offset
    try {
      const { headers } = await ask('PATCH', path, {
        ...{ ...call, once: true, body: file.slice(offset, offset + partBytes) },
        headers: {
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(offset),
        },
      })
      offset = offsetIn(headers)
    } catch (error) {
      if (!canGoOn(error) || tries >= MOST_TRIES) throw error
      await wait(retryDelayMs * 2 ** (tries - 1), signal)
      offset = offsetIn((await ask('HEAD', path, call)).headers)
    }
    tries = offset > before ? 1 : tries + 1
    onProgress?.(offset, file.size)
  }
  return askJson<Upload>('GET', path, call)
}

const offsetIn = (headers: Headers): number => Number(headers.get('upload-offset'))

const canGoOn = (error: unknown): boolean =>
  error instanceof WorkerUnreachable ||
  (error instanceof RequestRefused && (error.retryable || error.code === 'OFFSET_CONFLICT'))

/** Found at run time, so that what bundles this for browsers does not look for it. */
async function openFile(path: string): Promise<Blob> {
  const fs = globalThis.process?.getBuiltinModule?.('node:fs')
  if (!fs) throw new TypeError('only Node can open a file by its path: give the file itself')
  return fs.openAsBlob(path)
}

function streamOf(parts: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await iterator.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel(reason) {
      await iterator.return?.(reason)
    },
  })
}
