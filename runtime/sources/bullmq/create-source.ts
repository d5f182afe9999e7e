import { EventEmitter } from 'node:events'
import type { Log } from '../../../handler/log.ts'
import type { Config } from '../../config/config.ts'
import { redisTargetOf } from '../../config/redis.ts'
import type { Source } from '../job-source.ts'
import type { HeldJob } from './job-lock.ts'
import { startLockThread } from './lock-thread.ts'
import { openQueueClient } from './queue-client.ts'
import { bullmqSource } from './source.ts'

export interface OpenBullmq extends AsyncDisposable {
  source: Source
}

/** The queue that `REDIS_URL` and `BULLMQ_QUEUE` name; Redis need not be there yet. */
export function createBullmqSource(config: Config, workerId: string, log: Log): OpenBullmq {
  const redis = redisTargetOf(config)
  const { BULLMQ_PREFIX: prefix, BULLMQ_QUEUE: queue } = config
  const lockMs = config.BULLMQ_LOCK_SEC * 1000
  const events = new EventEmitter<{ lost: [HeldJob] }>()
  const client = openQueueClient({ redis, prefix, queue, workerId, lockMs, log })
  const locks = startLockThread(
    { redis, queueKey: `${prefix}:${queue}`, workerId, lockMs },
    (job) => {
      log.warn('lock.lost', { job: job.id })
      events.emit('lost', job)
    },
  )
  return {
    source: bullmqSource({ client, locks, events, workerId }),
    async [Symbol.asyncDispose]() {
      await locks[Symbol.asyncDispose]()
      await client[Symbol.asyncDispose]()
    },
  }
}
