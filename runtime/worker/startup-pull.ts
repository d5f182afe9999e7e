import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../handler/log.ts'
import type { PullError } from '../bundle-pull/pull-error.ts'
import type { PullEvent } from '../bundle-pull/pull-events.ts'
import { pullNamed, type PullCall } from '../bundle-pull/pull-named.ts'
import { bundleDirectory, isName } from '../config/bundle-directory.ts'
import type { Config } from '../config/config.ts'
import type { PullStatus } from '../http/app-options.ts'

/** A bundle that is fetched before this worker can render. */
export interface StartupPull {
  /** Resolves when the bundle is in its place. @throws PullError */
  done: Promise<void>
  /** Undefined when there is nothing to say any more. */
  status(): PullStatus | undefined
  /** Why there is no bundle; not where this worker was told to stop. */
  failure(): Error | undefined
}

/** How often the log tells how far it is. */
const LOG_MS = 10_000

/**
 * Begin to pull the bundle that MODEL_BUNDLE names, where BUNDLE_PULL asks for that and it is not here.
 * @returns undefined where there is nothing to pull
 */
export function startPull(
  config: Config,
  { signal, log, ...call }: Omit<PullCall, 'onEvent'> & { log: Log },
): StartupPull | undefined {
  const { BUNDLE_PULL, MODEL_BUNDLE: name } = config
  if (!BUNDLE_PULL || name === undefined || !isName(name)) return undefined
  if (existsSync(join(bundleDirectory(config), 'manifest.json'))) return undefined
  let status: PullStatus | undefined = { phase: 'waiting', bytes: 0, bytes_total: 0 }
  let failure: Error | undefined
  let logged = -Infinity
  const onEvent = (event: PullEvent) => {
    if (event.type === 'progress') {
      status = statusOf(event)
      if (performance.now() - logged < LOG_MS) return
      logged = performance.now()
      return log.info('bundle.pull', { ...status })
    }
    const { type, ...fields } = event
    log.info(`bundle.pull_${type}`, fields)
  }
  const pull = async () => {
    try {
      const { id, directory } = await pullNamed(config, { name }, { ...call, signal, onEvent })
      log.info('bundle.pulled', { id, directory })
    } catch (thrown) {
      const { code, message, retryable } = thrown as PullError
      if (!signal.aborted) {
        failure = thrown as Error
        log.error('bundle.pull_failed', { code, reason: message, retryable })
      }
      throw thrown
    } finally {
      status = undefined
    }
  }
  return { done: pull(), status: () => status, failure: () => failure }
}

function statusOf(event: Extract<PullEvent, { type: 'progress' }>): PullStatus {
  const { phase, file, bytes, total, etaS } = event
  return {
    phase,
    ...(file !== undefined && { file }),
    ...{ bytes, bytes_total: total },
    ...(etaS !== undefined && { eta_sec: Math.ceil(etaS) }),
  }
}
