import type { Log } from '../handler/render/context.ts'
import type { UploadNote } from '../handler/storage/storage.ts'
import type { Config } from './config.ts'
import { createStorage } from './storage.ts'

/**
 * Drop what a killed process had uploaded of its results, for which a bucket would be charged until
 * somebody looks. Never throws: what cannot be dropped is logged.
 */
export async function abandonUploads(
  notes: readonly UploadNote[],
  config: Config,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  if (notes.length === 0) return
  try {
    const storage = await createStorage(config)
    for (const note of notes) {
      await storage.abandon?.(note, signal)
      log('upload.abandoned', { key: note.key })
    }
  } catch (error) {
    if (!signal.aborted) log('upload.left', { reason: (error as Error).message })
  }
}
