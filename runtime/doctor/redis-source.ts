import type { Config } from '../config/config.ts'
import { redisTargetOf } from '../config/redis.ts'
import { fail, ok, type CheckResult } from './check-result.ts'

/** Whether the Redis of the queue can be reached and lets this worker in. */
export async function checkRedis(config: Config, signal: AbortSignal): Promise<CheckResult> {
  const target = redisTargetOf(config)
  const where = target.urls.map((url) => new URL(url).host).join(', ')
  const { openRedis } = await import('../sources/bullmq/redis.ts')
  const redis = openRedis(target)
  let reason: string | undefined
  redis.on('error', ({ message }) => (reason ??= message))
  const stop = () => redis.disconnect()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await redis.ping()
    return ok('source', `Redis at ${where} answers; the queue is "${config.BULLMQ_QUEUE}"`)
  } catch (error) {
    const why = reason ?? (error as Error).message
    return fail('source', `Redis at ${where}: ${why}`, 'correct REDIS_URL, or start Redis')
  } finally {
    signal.removeEventListener('abort', stop)
    redis.disconnect()
  }
}
