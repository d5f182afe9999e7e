import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { renewLock, type HeldJob } from './job-lock.ts'
import type { FromLockThread, LockThreadOptions, ToLockThread } from './lock-thread.ts'
import { openRedis } from './redis.ts'

const RETRY_MS = 1_000

/** The other end of `lock-thread.ts`: this file is what the thread runs. */
async function renewUntilStopped(
  port: NonNullable<typeof parentPort>,
  options: LockThreadOptions,
): Promise<void> {
  const redis = openRedis(options.redis)
  redis.on('error', () => {}) // each command says it too
  const stop = new AbortController()
  const held = new Map<string, HeldJob>()
  port.on('message', ({ hold, release, ...message }: ToLockThread) => {
    if (hold) held.set(hold.id, hold)
    if (release !== undefined) held.delete(release)
    if (message.stop) stop.abort()
  })

  /** @returns whether Redis could be asked; one that is away takes no locks either */
  async function renew(job: HeldJob): Promise<boolean> {
    try {
      if ((await renewLock(redis, job, options)) || held.get(job.id) !== job) return true
      held.delete(job.id)
      port.postMessage({ lost: job } satisfies FromLockThread)
      return true
    } catch {
      return false
    }
  }

  // Two that are lost on the way cost no lock.
  const everyMs = options.lockMs / 3
  while (!stop.signal.aborted) {
    const renewed = await Promise.all([...held.values()].map(renew))
    const nextMs = renewed.every(Boolean) ? everyMs : Math.min(everyMs, RETRY_MS)
    await pause(nextMs, undefined, { signal: stop.signal }).catch(() => {})
  }
  redis.disconnect()
  port.close()
}

if (parentPort) await renewUntilStopped(parentPort, workerData as LockThreadOptions)
