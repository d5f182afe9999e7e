import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../handler/log.ts'
import { lockOwner } from './state-directory.ts'

/**
 * Tell the log of outcomes that wait for a worker of another name, or of another source: after the
 * environment has changed nobody tells them any more, until it is changed back.
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
      if (outcomes > 0) log.warn('outbox.unheard', { dir, outcomes })
    }
  }
}

const namesIn = (dir: string): Promise<string[]> => readdir(dir).catch(() => [])
