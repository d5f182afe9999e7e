import { Job, Queue, Worker } from 'bullmq'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openQueueProducer } from '../../../runtime/sources/bullmq/queue-producer.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'

const RESULT = { output_url: 'https://s3.test/a.mp4' }

describe.skipIf(!hasRedis)('a job in the queue (needs redis-server)', () => {
  test('that ends while it is looked for is not seen ended without its result', async () => {
    await using redis = await redisServer({ durable: false })
    const target = { redis: { urls: [redis.url] }, prefix: 'bull', queue: 'musetalk' }
    await using producer = openQueueProducer(target)
    await producer.add('a', {})
    const worker = new Worker('musetalk', null, { connection: { url: redis.url } })
    onTestFinished(() => worker.close())
    const job = await worker.getNextJob('token')

    const fromId = Job.fromId.bind(Job)
    const getJobState = Queue.prototype.getJobState
    const asked: string[] = []
    /** It ends after the first of the two questions is answered. */
    const end = async (question: string) => {
      if (asked.push(question) === 1) await job?.moveToCompleted(RESULT, 'token', false)
    }
    vi.spyOn(Job, 'fromId').mockImplementation(async (...args) => {
      const found = await fromId(...args)
      await end('job')
      return found
    })
    vi.spyOn(Queue.prototype, 'getJobState').mockImplementation(async function (this: Queue, id) {
      const state = await getJobState.call(this, id)
      await end('state')
      return state
    })
    onTestFinished(() => void vi.restoreAllMocks())

    expect(await producer.find('a')).toMatchObject({ state: 'active' })
    expect(asked).not.toEqual([])
    expect(await producer.find('a')).toMatchObject({ state: 'completed', result: RESULT })
  })
})
