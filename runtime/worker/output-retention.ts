import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../handler/log.ts'
import { sleep } from '../../handler/net/retry.ts'
import { sidecarOf } from '../../handler/storage/storage.ts'
import { isErrno } from '../../handler/errors.ts'

export interface RetentionOptions {
  dir: string
  /** Results older than this go; none for their age where unset. */
  hours?: number | undefined
  /** The oldest results go until all take no more; none for their size where unset. */
  megabytes?: number | undefined
}

interface StoredResult {
  path: string
  sidecar: string
  bytes: number
  modifiedMs: number
}

const LOOK_MS = 10 * 60_000

/** Removes old results of a directory store, at once and then now and then, until the signal. */
export async function keepRetention(
  options: RetentionOptions,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  if (options.hours === undefined && options.megabytes === undefined) return
  while (!signal.aborted) {
    await removeOldResults(options, Date.now()).then(
      (removed) => removed > 0 && log.info('output.removed', { results: removed }),
      (error: Error) => log.warn('output.not_removed', { reason: error.message }),
    )
    await sleep(LOOK_MS, signal).catch(() => {})
  }
}

/**
 * Only what this worker has stored goes: a file with its description beside it.
 * @returns how many results were removed
 */
export async function removeOldResults(
  { dir, hours = Infinity, megabytes = Infinity }: RetentionOptions,
  nowMs: number,
): Promise<number> {
  const results = (await findResults(dir)).toSorted((a, b) => a.modifiedMs - b.modifiedMs)
  let total = results.reduce((sum, { bytes }) => sum + bytes, 0)
  let removed = 0
  for (const { path, sidecar, bytes, modifiedMs } of results) {
    const old = nowMs - modifiedMs > hours * 3_600_000
    if (!old && total <= megabytes * 1e6) continue
    // Without its description it is no stored result any more, whatever happens in between.
    await rm(sidecar, { force: true })
    await rm(path, { force: true })
    total -= bytes
    removed++
  }
  return removed
}

async function findResults(dir: string): Promise<StoredResult[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    },
  )
  const files = new Set(
    entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)),
  )
  const videos = [...files].filter((path) => files.has(sidecarOf(path)))
  const found = videos.map(async (path): Promise<StoredResult[]> => {
    const info = await stat(path).catch(() => undefined) // removed by somebody else meanwhile
    const { size = 0, mtimeMs = 0 } = info ?? {}
    return info ? [{ path, sidecar: sidecarOf(path), bytes: size, modifiedMs: mtimeMs }] : []
  })
  return (await Promise.all(found)).flat()
}
