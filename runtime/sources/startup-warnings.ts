import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../handler/log.ts'
import type { Config } from '../config/config.ts'
import { lockOwner } from './state-directory.ts'

/** Warn whoever gives jobs to a worker whose results nobody else can fetch. */
export function warnUnreachableStorage(config: Config, log: Log): void {
  if (config.STORAGE !== 'directory' || config.PUBLIC_BASE_URL !== undefined) return
  const reason = 'results stay on this machine, unless each job brings a place for its own'
  log.warn('storage.unreachable', { reason })
}

/**
 * Warn of outcomes that wait for a worker of another name, or of another source: after the
 * environment has changed nobody delivers them any more, until it is changed back.
 *
 * @param root of all places
 * @param own this worker's place
 */
export async function warnUndeliveredResults(root: string, own: string, log: Log): Promise<void> {
  for (const source of await namesIn(root)) {
    for (const name of await namesIn(join(root, source))) {
      const dir = join(root, source, name)
      if (dir === own || (await lockOwner(dir)) !== undefined) continue
      const files = await namesIn(join(dir, 'outbox'))
      const outcomes = files.filter((file) => file.endsWith('.json')).length
      if (outcomes > 0) log.warn('outbox.undelivered', { dir, outcomes })
    }
  }
}

const namesIn = (dir: string): Promise<string[]> => readdir(dir).catch(() => [])
