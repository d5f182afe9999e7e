import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { sha256File } from '../../models/system/sha256-file.ts'
import { WorkerError } from '../errors.ts'
import { MEDIA_TYPES } from '../render/encode/output-formats.ts'
import type { GrowingFile } from '../system/growing-file.ts'

/** A stored object, as it was found after it was written. */
export interface StoredObject {
  /** Its full name in the store, prefix included. */
  key: string
  url: string
  bytes: number
  sha256: string
  /** The store's own name for these very bytes, of an object that was begun before its SHA-256 was known. */
  etag?: string
}

/** An object that was stored before, and what was written beside it. */
export interface StoredResult extends Omit<StoredObject, 'sha256'> {
  /** Absent where the store was not told it; `etag` says then which bytes these are. */
  sha256?: string
  sidecar: unknown
}

export interface ListedObject {
  name: string
  /** When it was stored. */
  storedAt: Date
}

/**
 * Where results go. Names that are given are below the store's own prefix.
 * @throws UpstreamError UPLOAD_FAILED, WorkerError DISK_FULL, from every method
 */
export interface Storage {
  /** Name for logs: `directory`, `s3`, … */
  readonly kind: string
  /**
   * Store a file and check that it is there; resolves when it is, or rejects.
   * @param disposition the object's Content-Disposition
   */
  put(name: string, file: string, signal: AbortSignal, disposition?: string): Promise<StoredObject>
  /**
   * The same for a file that is still being written: it is sent as it grows. The object is there when
   * the file is complete, and never when it fails: then nothing is left. There is no limit of time but
   * the signal. A store that must know the length first does not have it.
   */
  putGrowing?(
    name: string,
    file: GrowingFile,
    signal: AbortSignal,
    disposition?: string,
  ): Promise<StoredObject>
  /** Store facts about an object beside it, as `<name>.json`. A store that cannot does nothing. */
  putMetadata(name: string, sidecar: object, signal: AbortSignal): Promise<void>
  /** An object with its side-car; undefined where one of them is missing or they do not fit. */
  find(name: string, signal: AbortSignal): Promise<StoredResult | undefined>
  /**
   * Write an object to a file. A store that can only be written to does not have it.
   * @throws UpstreamError UPLOAD_FAILED also where it is not there
   */
  fetch?(name: string, file: string, signal: AbortSignal): Promise<void>
  /** What lies in a folder, up to ten thousand. A store that can only be written to does not have it. */
  list?(folder: string, signal: AbortSignal): Promise<ListedObject[]>
  /** Remove an object and its side-car; one that is not there is fine. */
  remove(name: string, signal: AbortSignal): Promise<void>
  /** Drop the parts of an upload that was begun by a process which was killed, by its note. */
  abortUpload?(note: UploadJournal, signal: AbortSignal): Promise<void>
}

/** What lies beside a file while it is uploaded in parts, so that a next life can drop them. */
export interface UploadJournal {
  key: string
  uploadId: string
}

export const journalPath = (file: string): string => `${file}.upload`

export const sidecarOf = (name: string): string => `${name}.json`

/** A side-car as it was read; undefined for one that somebody damaged, which is no reason to fail. */
export function sidecarFrom(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The result's media type, by the name that it got from us. */
export const mediaTypeOf = (name: string): string => MEDIA_TYPES[extname(name)] ?? 'video/mp4'

/** A name as part of a URL. */
export const urlPath = (name: string): string => name.split('/').map(encodeURIComponent).join('/')

/** Bytes on their way into a store: counted and digested as they pass. */
export class MeasuredBytes {
  bytes = 0
  readonly #hash = createHash('sha256')

  async *pass(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.byteLength
      this.#hash.update(chunk)
      yield chunk
    }
    if (this.bytes === 0) throw emptyResult()
  }

  /** Of all that has passed; once. */
  sha256(): string {
    return this.#hash.digest('hex')
  }
}

const emptyResult = () => new WorkerError('BUG', 'there is no finished video to store')

/**
 * Size and SHA-256 of a file that is to be stored.
 * @throws WorkerError BUG for what is no result: nothing there, a folder, an empty file
 */
export async function fileSizeAndDigest(
  file: string,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size === 0) {
    throw emptyResult()
  }
  return { bytes: found.size, sha256: await sha256File(file, signal) }
}
