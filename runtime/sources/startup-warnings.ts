import type { Log } from '../../handler/log.ts'
import type { Config } from '../config/config.ts'

/** Warn whoever gives jobs to a worker whose results nobody else can fetch. */
export function warnUnreachableStorage(config: Config, log: Log): void {
  if (config.STORAGE !== 'directory' || config.PUBLIC_BASE_URL !== undefined) return
  const reason = 'results stay on this machine, unless each job brings a place for its own'
  log.warn('storage.unreachable', { reason })
}
