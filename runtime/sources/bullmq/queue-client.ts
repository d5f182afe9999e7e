import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Job, UnrecoverableError, Worker } from 'bullmq'
import { NetworkError } from '../../../handler/net/network-error.ts'
import type { Log } from '../../../handler/log.ts'
import { renewLock, type HeldJob, type LockOptions } from './job-lock.ts'
import { openRedis, type RedisTarget } from './redis.ts'
import { withinLimit } from './within-limit.ts'

export interface QueueOptions {
  redis: RedisTarget
  prefix: string
  queue: string
  workerId: string
  lockMs: number
  log: Log
}

/** The queue in single tries, each of them bounded. All throw NetworkError where another try may help. */
export interface QueueClient extends AsyncDisposable {
  /** The next job, whose lock is ours; undefined: there is none, or the queue is paused or rate-limited. */
  take(): Promise<Job | undefined>
  find(id: string): Promise<Job | undefined>
  /** @returns false where the job is not this worker's any more */
  renew(held: HeldJob): Promise<boolean>
  /** @returns false where there is no such job any more */
  tell(job: Job, progress: object): Promise<boolean>
  state(job: Job): Promise<string>
  complete(job: Job, token: string, result: unknown): Promise<void>
  /** BullMQ's attempts and backoff decide what follows, unless the failure is final. */
  fail(job: Job, token: string, reason: string, final: boolean): Promise<void>
  /** As if it had never been taken; costs no attempt. */
  handBack(job: Job, token: string): Promise<void>
}

/** A worker that is killed with its machine is no fault of its job; one that kills five of them may be. */
const MAX_STALLED = 5
const CLOSE_MS = 1_000

/** Does not wait for Redis: what is asked before it is there fails, and is asked again. */
export function openQueueClient(options: QueueOptions): QueueClient {
  const { prefix, queue, workerId, lockMs, log } = options
  const connection = openRedis(options.redis)
  const lock: LockOptions = { queueKey: `${prefix}:${queue}`, workerId, lockMs }
  let last = ''
  const note = ({ message }: Error) => {
    if (message !== last) log.warn('redis.failed', { reason: message })
    last = message
  }
  connection.on('error', note)
  connection.on('ready', () => (last = ''))
  const worker = new Worker(queue, null, {
    ...{ connection, prefix, name: workerId, lockDuration: lockMs, stalledInterval: lockMs },
    ...{ autorun: false, maxStalledCount: MAX_STALLED },
  })
  worker.on('error', note)
  worker.on('stalled', (id) => log.warn('job.stalled', { job: id }))
  void worker.startStalledCheckTimer()

  /** @throws NetworkError */
  async function bounded<T>(run: () => Promise<T>, late?: (value: T) => unknown): Promise<T> {
    try {
      return await withinLimit(run, late)
    } catch (cause) {
      if (isRefusal(cause)) throw cause
      throw new NetworkError(`Redis: ${(cause as Error).message}`, { cause })
    }
  }

  return {
    take: () =>
      bounded(
        async () => (await worker.getNextJob(randomUUID(), { block: false })) as Job | undefined,
        (job) => job?.moveToWait(job.token),
      ),
    find: (id) => bounded(() => Job.fromId(worker, id)),
    renew: (held) => bounded(() => renewLock(connection, held, lock)),
    async tell(job, progress) {
      try {
        await bounded(() => job.updateProgress(progress))
        return true
      } catch (error) {
        if (isRefusal(error)) return false
        throw error
      }
    },
    state: (job) => bounded(() => job.getState()),
    complete: (job, token, result) =>
      bounded(async () => void (await job.moveToCompleted(result, token, false))),
    fail: (job, token, reason, final) =>
      bounded(async () => {
        const error = final ? new UnrecoverableError(reason) : new Error(reason)
        error.stack = reason // where in this program it came from helps nobody
        await job.moveToFailed(error, token, false)
      }),
    handBack: (job, token) => bounded(async () => void (await job.moveToWait(token))),
    async [Symbol.asyncDispose]() {
      // What waits for a server that is away would wait for ever.
      await Promise.race([worker.close(true), pause(CLOSE_MS)]).catch(() => {})
      connection.disconnect()
    },
  }
}

/** The job is gone, or its lock another's: BullMQ's scripts say so by a number below 0. */
const isRefusal = (error: unknown): boolean => Number((error as { code?: unknown }).code) < 0
