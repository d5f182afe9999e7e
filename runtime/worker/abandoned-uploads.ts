import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Log } from '../../handler/log.ts'
import type { UploadJournal } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import { createStorage } from './create-storage.ts'

const Note = v.object({ key: v.string(), uploadId: v.string() })

/**
 * Drop what killed processes had uploaded of their results, for which a bucket would be charged until
 * somebody looks. Never throws: what cannot be dropped now is logged, and left for the next life.
 *
 * @param dir of notes, which may not be there
 */
export async function abortOrphanedUploads(
  dir: string,
  config: Config,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  if (names.length === 0) return
  const storage = await createStorage(config)
  for (const name of names) {
    const file = join(dir, name)
    try {
      const note = await readNote(file)
      if (note) {
        await storage.abortUpload?.(note, signal)
        log.info('upload.abandoned', { key: note.key })
      }
      await rm(file, { force: true })
    } catch (error) {
      if (signal.aborted) return
      log.warn('upload.left', { reason: (error as Error).message })
    }
  }
  await rmdir(dir).catch(() => {}) // not empty: there is a next time
}

/** Undefined for one that was written halfway: its upload had no part yet. */
async function readNote(file: string): Promise<UploadJournal | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  try {
    return v.parse(Note, JSON.parse(text))
  } catch {
    return undefined
  }
}
