import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { renewLock } from '../../../runtime/sources/bullmq/job-lock.ts'
import { openPartQueue } from '../../../runtime/sources/bullmq/part-queue.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'

const ID = 'lecture.part-0'

/** The queue as who offers parts has it, and as a worker that takes them. */
async function queueOfParts() {
  await using opened = new AsyncDisposableStack()
  const redis = opened.use(await redisServer({ durable: false }))
  const target = { redis: { urls: [redis.url] }, prefix: 'bull', queue: 'musetalk' }
  const parts = opened.use(openPartQueue(target))
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  opened.defer(() => connection.disconnect())
  const worker = new Worker('musetalk', null, { connection, name: 'w0' })
  opened.defer(() => worker.close())
  const open = opened.move()
  return { parts, connection, worker, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

describe.skipIf(!hasRedis)('a part in the queue (needs redis-server)', () => {
  test('that is withdrawn while its lock is renewed is gone all the same', async () => {
    await using f = await queueOfParts()
    const { parts, connection, worker } = f
    await parts.offer(ID, {})
    const job = await worker.getNextJob('token')
    expect(job?.id).toBe(ID)

    const lock = { queueKey: 'bull:musetalk', workerId: 'w0', lockMs: 10_000 }
    const remove = Queue.prototype.remove
    let removals = 0
    vi.spyOn(Queue.prototype, 'remove').mockImplementation(async function (this: Queue, id) {
      if (removals++ === 0) {
        await expect.poll(() => connection.exists(`bull:musetalk:${id}:lock`)).toBe(0)
        await renewLock(connection, { id, token: 'token' }, lock)
      }
      return remove.call(this, id)
    })
    onTestFinished(() => void vi.restoreAllMocks())

    await parts.remove(ID)
    expect(removals).toBe(2)
    expect(await parts.look(ID)).toBeUndefined()
    expect(await connection.keys('bull:musetalk:lecture*')).toEqual([])
    expect(await connection.lrange('bull:musetalk:active', 0, -1)).toEqual([])
  })
  test('is taken back while nobody has begun it, and then nothing is left', async () => {
    await using f = await queueOfParts()
    await f.parts.offer(ID, {})
    expect(await f.parts.takeBack(ID)).toBe(true)
    expect(await f.worker.getNextJob('token')).toBeUndefined()
    expect(await f.connection.keys('bull:musetalk:lecture*')).toEqual([])
    expect(await f.parts.takeBack(ID)).toBe(false)
  })
  test('is not taken back from who finishes it while it is asked for', async () => {
    await using f = await queueOfParts()
    await f.parts.offer(ID, {})
    const job = await f.worker.getNextJob('token')
    const result = { frames: 1 }
    // The last moment at which it can end: before the first command that may change anything.
    const send = Redis.prototype.sendCommand
    let isDone = false
    vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(async function (
      this: Redis,
      command,
      ...more
    ) {
      if (this !== f.connection && !isDone && !command.name.startsWith('h')) {
        isDone = true
        await job.moveToCompleted(result, 'token', false)
      }
      return send.call(this, command, ...more)
    })
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await f.parts.takeBack(ID)).toBe(false)
    expect(isDone).toBe(true)
    expect(await f.parts.look(ID)).toEqual({ frames: 0, result })
  })
})
