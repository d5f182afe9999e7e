import { Worker } from 'node:worker_threads'
import type { HeldJob, LockOptions } from './job-lock.ts'
import type { RedisTarget } from './redis.ts'

export interface LockThreadOptions extends LockOptions {
  redis: RedisTarget
}

export interface ToLockThread {
  hold?: HeldJob
  release?: string
  stop?: true
}

/** The job that is not ours any more. */
export interface FromLockThread {
  lost: HeldJob
}

/**
 * The locks of the jobs that are ours, renewed from a thread with a connection of its own, so that nothing
 * this process does can cost it a job.
 */
export interface LockThread extends AsyncDisposable {
  hold(job: HeldJob): void
  release(id: string): void
}

/** @param onLost told once of each job whose lock another has, or that is gone */
export function startLockThread(
  options: LockThreadOptions,
  onLost: (job: HeldJob) => void,
): LockThread {
  const entry = import.meta.url.endsWith('.ts') ? './lock.worker.ts' : './lock.worker.js'
  const worker = new Worker(new URL(entry, import.meta.url), { workerData: options })
  worker.on('message', ({ lost }: FromLockThread) => onLost(lost))
  // A worker that cannot keep its jobs renders them for nobody: better to be started again.
  worker.on('error', (cause) => {
    throw new Error('the thread that renews the locks has died', { cause })
  })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  const post = (message: ToLockThread) => worker.postMessage(message)
  return {
    hold: (job) => post({ hold: job }),
    release: (id) => post({ release: id }),
    async [Symbol.asyncDispose]() {
      post({ stop: true })
      await ended
    },
  }
}
