import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { renewLock } from '../../../runtime/sources/bullmq/job-lock.ts'
import { openPartQueue } from '../../../runtime/sources/bullmq/part-queue.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'

const ID = 'lecture.part-0'

describe.skipIf(!hasRedis)('a part in the queue (needs redis-server)', () => {
  test('that is withdrawn while its lock is renewed is gone all the same', async () => {
    await using redis = await redisServer({ durable: false })
    const target = { redis: { urls: [redis.url] }, prefix: 'bull', queue: 'musetalk' }
    await using parts = openPartQueue(target)
    await parts.offer(ID, {})
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    onTestFinished(() => connection.disconnect())
    const worker = new Worker('musetalk', null, { connection, name: 'w0' })
    onTestFinished(() => worker.close())
    const job = await worker.getNextJob('token')
    expect(job?.id).toBe(ID)

    const lock = { queueKey: 'bull:musetalk', workerId: 'w0', lockMs: 10_000 }
    const remove = Queue.prototype.remove
    let removals = 0
    vi.spyOn(Queue.prototype, 'remove').mockImplementation(async function (this: Queue, id) {
      if (removals++ === 0) await renewLock(connection, { id, token: 'token' }, lock)
      return remove.call(this, id)
    })
    onTestFinished(() => void vi.restoreAllMocks())

    await parts.remove(ID)
    expect(removals).toBe(2)
    expect(await parts.look(ID)).toBeUndefined()
    expect(await connection.keys('bull:musetalk:lecture*')).toEqual([])
    expect(await connection.lrange('bull:musetalk:active', 0, -1)).toEqual([])
  })
})
