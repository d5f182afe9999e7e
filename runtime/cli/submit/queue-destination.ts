import { randomUUID } from 'node:crypto'
import type { JobResult } from '../../../handler/events/job-events.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'
import { delayAbort, retry, sleep } from '../../../handler/net/retry.ts'
import type { RetryPolicy } from '../../../handler/net/timeouts.ts'
import type { Config } from '../../config/config.ts'
import { redisTargetOf } from '../../config/redis.ts'
import { UsageError } from '../command.ts'
import { bucketFiles } from './bucket-files.ts'
import { SUBMIT_GRACE_MS, waiting, type Destination } from './destination.ts'
import { progressOf } from './runpod-destination.ts'
import { failureFromText, SubmitError } from './submit-error.ts'

const POLL_MS = 500
/** Ten minutes in which Redis may be away. */
const PATIENCE: RetryPolicy = { tries: 45, firstMs: 500, maxMs: 5_000 }
/** One, before there is a job that goes on without us. */
const PATIENCE_AT_FIRST: RetryPolicy = { tries: 5, firstMs: 500, maxMs: 5_000 }

/** The BullMQ queue that the environment names. The client of Redis is loaded only here. */
export async function queueDestination(config: Config): Promise<Destination> {
  const { BULLMQ_PREFIX: prefix, BULLMQ_QUEUE: queue } = config
  const redis = targetOf(config)
  const { openQueueProducer } = await import('../../sources/bullmq/queue-producer.ts')
  const producer = openQueueProducer({ redis, prefix, queue })
  const files = bucketFiles(config)

  const patiently = async <T>(
    run: () => Promise<T>,
    signal: AbortSignal,
    patience = PATIENCE,
  ): Promise<T> => {
    try {
      return await retry(run, patience, signal)
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error
      const { message, permanent } = error
      const failure = { code: 'UNREACHABLE', message, retryable: !permanent }
      throw new SubmitError(failure, permanent ? 'caller' : 'upstream', { cause: error })
    }
  }
  return {
    name: `the queue "${queue}"`,
    sendFile: files.sendFile,
    async submit(job, signal) {
      const id = typeof job['id'] === 'string' ? job['id'] : randomUUID()
      const sent = delayAbort(signal, SUBMIT_GRACE_MS)
      await patiently(() => producer.add(id, job), sent, PATIENCE_AT_FIRST)
      return id
    },
    async follow(id, onProgress, signal) {
      for (;;) {
        const job = await patiently(() => producer.find(id), signal)
        if (!job) throw removed()
        if (job.state === 'completed') return job.result as JobResult
        if (job.state === 'failed') throw failureFromText(job.failedReason)
        onProgress(job.state === 'active' ? progressOf(job.progress || undefined) : waiting)
        await sleep(POLL_MS, signal)
      }
    },
    cancel: (id, signal) => patiently(() => producer.remove(id), signal),
    videoRequest: (_id, result) => ({ url: result.output_url }),
    [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
  }
}

const removed = () =>
  new SubmitError({ code: 'CANCELED', message: 'the job was removed', retryable: false })

function targetOf(config: Config) {
  try {
    return redisTargetOf(config)
  } catch (error) {
    throw new UsageError((error as Error).message, 'INVALID_ENVIRONMENT')
  }
}
