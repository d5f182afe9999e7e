import { Queue } from 'bullmq'
import type { ErrorPayload } from '../../../handler/errors.ts'
import type { PartQueue, PartResult } from '../../../handler/part-queue.ts'
import { openRedis, type RedisTarget } from './redis.ts'
import { removeJob, removeWaiting } from './remove-job.ts'
import { withinLimit } from './within-limit.ts'

/** Nobody looks at a part so long after its end. */
const KEPT_S = 86_400

/** The queue that this worker takes its jobs from, as one that it puts parts of long ones into. */
export function openPartQueue(options: {
  redis: RedisTarget
  prefix: string
  queue: string
}): PartQueue & AsyncDisposable {
  const { prefix, queue } = options
  const connection = openRedis(options.redis)
  connection.on('error', () => {}) // each command says it too
  const jobs = new Queue(queue, { connection, prefix })
  jobs.on('error', () => {})

  const look: PartQueue['look'] = async (id) => {
    const fields = ['timestamp', 'progress', 'finishedOn', 'returnvalue', 'failedReason'] as const
    const found = await connection.hmget(jobs.toKey(id), ...fields)
    const [added, progress, finished, result, reason] = found
    if (!added) return undefined
    const frames = Number(Object(parsed(progress)?.['metrics'])['frames_done'] ?? 0)
    if (!finished) return { frames }
    if (!reason) return { frames, result: parsed(result) as unknown as PartResult }
    const message = { message: reason, code: 'BUG', retryable: true } as const
    return { frames, error: (parsed(reason) as unknown as ErrorPayload) ?? message }
  }

  const offer: PartQueue['offer'] = async (id, payload) => {
    if ((await look(id))?.error) await jobs.remove(id)
    const age = { age: KEPT_S }
    // A job that was begun shall end before others begin.
    await jobs.add('part', payload, {
      ...{ jobId: id, lifo: true, removeOnComplete: age, removeOnFail: age },
    })
  }

  return {
    look: (id) => withinLimit(() => look(id)),
    offer: (id, payload) =>
      withinLimit(
        () => offer(id, payload),
        () => jobs.remove(id),
      ),
    takeBack: (id) => withinLimit(() => removeWaiting(jobs, connection, id)),
    remove: (id) => withinLimit(() => removeJob(jobs, connection, id)),
    async [Symbol.asyncDispose]() {
      await jobs.close().catch(() => {})
      connection.disconnect()
    },
  }
}

/** What BullMQ keeps as JSON. */
function parsed(text: string | null | undefined): Record<string, unknown> | undefined {
  try {
    return text ? (JSON.parse(text) as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
