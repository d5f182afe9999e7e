import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../handler/log.ts'
import { sleep } from '../../handler/net/retry.ts'
import { DEFAULT_TIMEOUTS } from '../../handler/net/timeouts.ts'
import { isCapReached } from '../../handler/storage/storage-errors.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import { MAX_TIMER_MS } from '../jobs/clock.ts'
import { createStorage } from './create-storage.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

/** Whether results can be stored, as far as is known. */
export interface StorageWatch {
  /** Why not; undefined where they can, or before the first look. */
  problem(): string | undefined
  /** Look now, because an upload has failed; where that is known already there is no need to. */
  lookAgain(): void
}

/** Throws where nothing can be stored. */
type Probe = (signal: AbortSignal) => Promise<void>

const AGAIN_MS = 30_000
const DIRECTORY_MS = 60_000

/**
 * Look whether results can be stored when the worker starts, again and again while they cannot, at
 * a directory now and then, and when an upload has failed: a folder of another user or a key that is
 * refused would else be found after a whole render, in every job.
 *
 * @param everyMs how often a good storage is looked at unasked; never where unset, for each look is a request
 */
export function watchStorage(
  probe: Probe,
  { signal, log, everyMs }: { signal: AbortSignal; log: Log; everyMs?: number },
): StorageWatch {
  let problem: string | undefined
  let rest = new AbortController()
  const watch = async () => {
    while (!signal.aborted) {
      const found = await probe(signal).then(
        () => undefined,
        (error: Error) => error,
      )
      if (signal.aborted) return
      if (found?.message !== problem) {
        const cause = (found?.cause as Error | undefined)?.message // names the folder, which probes may not
        const fields = { problem: found?.message ?? null, ...(cause && { cause }) }
        log[found ? 'error' : 'info']('worker.storage', fields)
      }
      problem = found?.message
      rest = new AbortController()
      const pauseMs = problem ? AGAIN_MS : (everyMs ?? MAX_TIMER_MS)
      await sleep(pauseMs, AbortSignal.any([signal, rest.signal])).catch(() => {})
    }
  }
  void watch()
  return {
    problem: () => problem,
    lookAgain() {
      if (problem === undefined) rest.abort()
    },
  }
}

/** How the worker's own storage is looked at. */
export function storageProbe(config: Config, workerId: string): { probe: Probe; everyMs?: number } {
  if (config.STORAGE === 'directory') {
    return { probe: () => assertWritable(config.OUTPUT_DIR), everyMs: DIRECTORY_MS }
  }
  return {
    probe: async (signal) => {
      const storage = await createStorage(config, undefined, HASTY)
      await storeAndRemove(storage, `health-${workerId}.mp4`, signal).catch((error: Error) => {
        // The key is good and the store there; each job says what has been reached.
        if (!isCapReached(error.message)) throw error
      })
    },
  }
}

/** A job waits out an outage of a minute; a look does not. */
const HASTY = {
  ...DEFAULT_TIMEOUTS,
  ...{ connectMs: 5_000, headersMs: 15_000, requestMs: 15_000, uploadMs: 30_000 },
  upload: { tries: 2, firstMs: 500, maxMs: 1_000 },
}

async function assertWritable(dir: string): Promise<void> {
  try {
    await makeDirectory(dir)
    await access(dir, constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    throw new Error(`the output directory cannot be written (${code})`, { cause: error })
  }
}

/** A key that may not remove is no reason not to store. */
async function storeAndRemove(storage: Storage, key: string, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'musetalk-probe-'))
  try {
    const file = join(folder, 'probe')
    await writeFile(file, 'written by musetalk-worker to see whether it can')
    await storage.put(key, file, signal)
    await storage.remove(key, signal).catch(() => {})
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
