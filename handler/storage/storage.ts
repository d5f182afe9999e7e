import { stat } from 'node:fs/promises'
import { sha256File } from '../../models/system/sha256-file.ts'
import { WorkerError } from '../errors.ts'

/** A stored object, as it was found after it was written. */
export interface StoredObject {
  /** Its full name in the store, prefix included. */
  key: string
  url: string
  bytes: number
  sha256: string
}

/** An object that was stored before, and what was written beside it. */
export interface StoredResult extends StoredObject {
  sidecar: unknown
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
  /** Store facts about an object beside it, as `<name>.json`. A store that cannot does nothing. */
  putMetadata(name: string, sidecar: object, signal: AbortSignal): Promise<void>
  /** An object with its side-car; undefined where one of them is missing or they do not fit. */
  find(name: string, signal: AbortSignal): Promise<StoredResult | undefined>
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
export const mediaTypeOf = (name: string): string =>
  name.endsWith('.mkv') ? 'video/x-matroska' : 'video/mp4'

/** A name as part of a URL. */
export const urlPath = (name: string): string => name.split('/').map(encodeURIComponent).join('/')

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
    throw new WorkerError('BUG', 'there is no finished video to store')
  }
  return { bytes: found.size, sha256: await sha256File(file, signal) }
}
