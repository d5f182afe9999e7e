import { createHash, randomBytes, type Hash } from 'node:crypto'
import { link, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { InputError, WorkerError } from '../errors.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

export interface UploadLimits {
  /** Of one upload. */
  maxBytes: number
  /** Of all of them together, announced or written. */
  maxTotalBytes: number
  maxCount: number
  /** Milliseconds after the last write or use. */
  ttlMs: number
  /** A writer that sends nothing for so long is cut off. */
  stallMs: number
}

/** A file that is sent to this worker, as far as it is here. */
export interface Upload {
  readonly id: string
  /** Bytes that are written: where the next part begins. */
  readonly offset: number
  /** Of the whole file; undefined until its end was seen. */
  readonly length: number | undefined
  /** Of the whole file, once it is here. */
  readonly sha256: string | undefined
  readonly expiresAt: Date
}

type Entry = { -readonly [K in keyof Upload]: Upload[K] } & {
  path: string
  hash: Hash
  /** Whoever sends it now. */
  writer?: { stop(): void; ended: Promise<void> } | undefined
}

/** A part does not begin where the upload ends. */
export class OffsetConflict extends Error {
  constructor(offset: number) {
    super(`the upload goes on at byte ${offset}`)
  }
}

/**
 * Files that are sent to this worker before the jobs that name them as `upload:<id>`: streamed to disk,
 * bounded in size, number and sum, gone some time after their last use. One writer each: a client that
 * lost its connection ends its former writer by coming back.
 */
export class UploadStore {
  readonly #dir: string
  readonly #limits: UploadLimits
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()

  constructor(dir: string, limits: UploadLimits, now = Date.now) {
    this.#dir = dir
    this.#limits = limits
    this.#now = now
  }

  get maxBytes(): number {
    return this.#limits.maxBytes
  }

  /**
   * Make room for a file.
   * @param length its bytes; it ends with its first part where unset
   * @throws InputError MEDIA_TOO_LARGE; WorkerError BUSY where there is no room now
   */
  async create(length?: number): Promise<Upload> {
    return this.#create(length)
  }

  /**
   * Keep bytes that came in a request, under a name made of them, so that the same again is there already.
   * @throws as `create` does
   */
  async add(bytes: Uint8Array): Promise<Upload> {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const known = this.#find(sha256)
    if (known) return this.#touch(known)
    const entry = await this.#create(bytes.length)
    try {
      await writeFile(entry.path, bytes)
    } catch (error) {
      await this.remove(entry.id)
      throw error
    }
    this.#entries.delete(entry.id)
    const twin = this.#find(sha256)
    if (twin) await rm(entry.path)
    else
      this.#entries.set(sha256, Object.assign(entry, { id: sha256, offset: bytes.length, sha256 }))
    return this.#touch(twin ?? entry)
  }

  /** @returns undefined for one that never was, has expired or was removed */
  get(id: string): Upload | undefined {
    return this.#find(id)
  }

  /** End whoever writes it, and tell how far it came. */
  async settle(id: string): Promise<Upload | undefined> {
    const entry = this.#find(id)
    await endWriter(entry)
    return entry
  }

  /**
   * Write the next part, as far as it comes.
   * @param body destroyed when another writer takes over, or when it stalls
   * @throws OffsetConflict; InputError MEDIA_TOO_LARGE, MEDIA_UNREADABLE where the part was cut off
   */
  async append(upload: Upload, offset: number, body: Readable): Promise<Upload> {
    const entry = upload as Entry
    await endWriter(entry)
    if (offset !== entry.offset || entry.sha256) throw new OffsetConflict(entry.offset)
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const stop = () => body.destroy(new Error('another request took over, or nothing came'))
    entry.writer = { stop, ended }
    try {
      await this.#write(entry, body, stop)
    } finally {
      entry.writer = undefined
      resolve()
    }
    entry.length ??= entry.offset
    if (entry.offset === entry.length) entry.sha256 = entry.hash.digest('hex')
    return this.#touch(entry)
  }

  async remove(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    await endWriter(entry)
    if (entry) await rm(entry.path, { force: true })
  }

  /** Why no job can name it, as the end of a sentence; undefined where it is whole. */
  problem(address: string): string | undefined {
    const entry = this.#find(uploadId(address))
    if (!entry)
      return 'names an upload that is not here: never sent, expired, or sent to another worker'
    if (entry.sha256) return undefined
    return `names an upload of which ${entry.offset} of ${entry.length ?? 'its'} bytes are here`
  }

  /** SHA-256 of the file that an address names. */
  digestOf(address: string): string | undefined {
    return this.#find(uploadId(address))?.sha256
  }

  /**
   * Give a job a file of its own, which stays whatever becomes of the upload.
   * @throws InputError MEDIA_UNREADABLE when it has gone meanwhile
   */
  async link(address: string, to: string): Promise<void> {
    const entry = this.#find(uploadId(address))
    if (!entry?.sha256)
      throw new InputError('MEDIA_UNREADABLE', 'the upload has expired; send it again')
    await link(entry.path, to)
    this.#touch(entry)
  }

  async #create(length: number | undefined): Promise<Entry> {
    const { maxBytes, maxTotalBytes, maxCount } = this.#limits
    if ((length ?? 0) > maxBytes) throw tooLarge(maxBytes)
    await this.#dropExpired()
    const held = this.#heldBytes() + (length ?? 0)
    if (this.#entries.size >= maxCount || held > maxTotalBytes) {
      const message = `the uploads of this worker are full: ${this.#entries.size} of them; remove some, or come back later`
      throw new WorkerError('BUSY', message)
    }
    const id = randomBytes(16).toString('hex')
    const path = join(this.#dir, id)
    const entry: Entry = {
      ...{ id, length, path, offset: 0, sha256: undefined, hash: createHash('sha256') },
      expiresAt: new Date(this.#now() + this.#limits.ttlMs),
    }
    this.#entries.set(id, entry)
    await makeDirectory(this.#dir)
    await (await open(path, 'w')).close()
    return entry
  }

  async #write(entry: Entry, body: Readable, stop: () => void): Promise<void> {
    const stall = setTimeout(stop, this.#limits.stallMs)
    try {
      await using file = await open(entry.path, 'r+')
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        stall.refresh()
        this.#admit(entry, chunk.length)
        for (let done = 0; done < chunk.length;) {
          const { bytesWritten } = await file.write(chunk, done, chunk.length - done, entry.offset)
          entry.hash.update(chunk.subarray(done, done + bytesWritten))
          done += bytesWritten
          entry.offset += bytesWritten
        }
      }
    } catch (cause) {
      if (cause instanceof InputError || cause instanceof WorkerError) throw cause
      if ((cause as NodeJS.ErrnoException).syscall === 'write') throw cause // the disk is full
      throw new InputError('MEDIA_UNREADABLE', 'the upload was cut off', { cause })
    } finally {
      clearTimeout(stall)
    }
  }

  /** @throws where the next bytes are more than this upload may have */
  #admit({ length, offset }: Entry, bytes: number): void {
    const { maxBytes, maxTotalBytes } = this.#limits
    if (offset + bytes > (length ?? maxBytes)) throw tooLarge(length ?? maxBytes)
    if (length !== undefined || this.#heldBytes() + bytes <= maxTotalBytes) return
    throw new WorkerError('BUSY', 'the uploads of this worker are full; come back later')
  }

  #heldBytes(): number {
    let bytes = 0
    for (const { length, offset } of this.#entries.values()) bytes += length ?? offset
    return bytes
  }

  #find(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    return entry && (entry.writer || entry.expiresAt.getTime() > this.#now()) ? entry : undefined
  }

  #touch(entry: Entry): Entry {
    entry.expiresAt = new Date(this.#now() + this.#limits.ttlMs)
    return entry
  }

  async #dropExpired(): Promise<void> {
    const expired = [...this.#entries.keys()].filter((id) => !this.#find(id))
    for (const id of expired) await this.remove(id)
  }
}

async function endWriter(entry: Entry | undefined): Promise<void> {
  while (entry?.writer) {
    entry.writer.stop()
    await entry.writer.ended
  }
}

const uploadId = (address: string): string => address.slice('upload:'.length)

const tooLarge = (limit: number) =>
  new InputError('MEDIA_TOO_LARGE', `more than the limit of ${limit} bytes`)
