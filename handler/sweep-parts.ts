import type { JobContext } from './job-context.ts'
import { PARTS_FOLDER } from './share-parts.ts'

/** A job that has not joined its parts by then never will; the queue forgets them at that age as well. */
const KEPT_MS = 86_400_000
/** As they are named: whatever else lies in the folder is somebody's. */
const PART = /^(.+\.[0-9a-f]{12}\.part-\d+\.\w+?)(?:\.json)?$/

/**
 * Remove the parts of results from the store that nobody has joined: of jobs that were lost for good.
 * Never throws: what cannot be removed now is logged, and left for the next start.
 */
export async function sweepParts(
  { storage, log }: Pick<JobContext, 'storage' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  if (!storage.list) return
  try {
    const before = Date.now() - KEPT_MS
    const listed = await storage.list(PARTS_FOLDER, signal)
    const old = listed.filter(({ storedAt }) => storedAt.getTime() < before)
    const parts = new Set(old.flatMap(({ name }) => PART.exec(name)?.[1] ?? []))
    for (const part of parts) await storage.remove(part, signal)
    if (parts.size > 0) log.info('part.swept', { parts: parts.size })
  } catch (error) {
    if (signal.aborted) return
    log.warn('part.unswept', { reason: (error as Error).message })
  }
}
