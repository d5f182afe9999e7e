import { setTimeout as pause } from 'node:timers/promises'
import { Job, Queue } from 'bullmq'
import { NetworkError } from '../../../handler/net/network-error.ts'
import { openRedis, type RedisTarget } from './redis.ts'
import { removeJob } from './remove-job.ts'
import { withinLimit } from './within-limit.ts'

export interface ProducerOptions {
  redis: RedisTarget
  prefix: string
  queue: string
}

/** A job of the queue, as it is now. */
export interface QueuedJob {
  state: string
  progress: unknown
  result: unknown
  failedReason: string
}

/**
 * The other side of the queue: whoever has jobs. All are single tries that throw NetworkError, permanent
 * where Redis lets nobody in.
 */
export interface QueueProducer extends AsyncDisposable {
  /** @param id adding it twice makes one job */
  add(id: string, data: object): Promise<void>
  /** Undefined: there is no such job, or no more. */
  find(id: string): Promise<QueuedJob | undefined>
  /** Also one that runs: its worker finds that out by its lock. */
  remove(id: string): Promise<void>
}

/** For what is worth another try; the worker says of each failure whether it is. */
const ATTEMPTS = { attempts: 3, backoff: { type: 'exponential', delay: 5_000 } }
const DAY_S = 86_400
const CLOSE_MS = 1_000

export function openQueueProducer({ redis, prefix, queue: name }: ProducerOptions): QueueProducer {
  const connection = openRedis(redis)
  let reason: string | undefined
  connection.on('error', ({ message }) => (reason = message))
  connection.on('ready', () => (reason = undefined))
  const queue = new Queue(name, { connection, prefix, skipMetasUpdate: true })
  queue.on('error', () => {}) // each command says it too

  async function attempt<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await withinLimit(run)
    } catch (cause) {
      const message = reason ?? (cause as Error).message
      const permanent = /NOAUTH|WRONGPASS|NOPERM|invalid password|certificate/i.test(message)
      throw new NetworkError(`Redis: ${message}`, { cause, permanent })
    }
  }
  return {
    add: (jobId, data) =>
      attempt(async () => {
        const keep = { removeOnComplete: { age: DAY_S }, removeOnFail: { age: DAY_S } }
        await queue.add('render', data, { jobId, ...ATTEMPTS, ...keep })
      }),
    find: (id) =>
      attempt(async () => {
        // The state first: of a job that ends between the two, the end is seen with its result or not yet.
        const state = await queue.getJobState(id)
        const job = await Job.fromId(queue, id)
        if (!job || state === 'unknown') return undefined
        const { progress, returnvalue: result, failedReason } = job
        return { state, progress, result, failedReason }
      }),
    remove: (id) => attempt(() => removeJob(queue, connection, id)),
    async [Symbol.asyncDispose]() {
      // One that waits for a server that is away would wait for ever.
      await Promise.race([queue.close(), pause(CLOSE_MS)]).catch(() => {})
      connection.disconnect()
    },
  }
}
