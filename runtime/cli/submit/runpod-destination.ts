import type { EventBase, JobResult } from '../../../handler/events/job-events.ts'
import { delayAbort, sleep } from '../../../handler/net/retry.ts'
import { createRequester } from '../../client/requester.ts'
import type { Config } from '../../config/config.ts'
import { UsageError } from '../command.ts'
import { bucketFiles } from './bucket-files.ts'
import type { ShownProgress } from '../progress-bar.ts'
import { SUBMIT_GRACE_MS, waiting, type Destination } from './destination.ts'
import { failureFromText, SubmitError } from './submit-error.ts'
import { toSubmitError } from './worker-destination.ts'

/** What `/status` answers; our workers' `output` is their progress until it is their result. */
export interface RunpodJob {
  id: string
  status: string
  output?: unknown
  error?: unknown
}

const POLL_MS = 1_000
/** It may be asked about a job for as long as it renders. */
const PATIENCE_MS = 600_000

/**
 * An endpoint of RunPod.
 * @see https://docs.runpod.io/serverless/endpoints/send-requests
 * @throws UsageError where there is no RUNPOD_API_KEY
 */
export function runpodDestination(endpoint: string, config: Config): Destination {
  const { RUNPOD_API_KEY: key, RUNPOD_ENDPOINT_BASE_URL: base } = config
  if (key === undefined) throw new UsageError('--runpod needs the key in RUNPOD_API_KEY')
  const url = `${base.replace(/\/+$/, '')}/${encodeURIComponent(endpoint)}`
  const { askJson } = createRequester(url, { key, patienceMs: PATIENCE_MS })
  const files = bucketFiles(config)

  async function ask(...call: Parameters<typeof askJson>): Promise<RunpodJob> {
    try {
      return await askJson<RunpodJob>(...call)
    } catch (error) {
      throw toSubmitError(error, 'RunPod')
    }
  }
  return {
    name: `RunPod's endpoint ${endpoint}`,
    sendFile: files.sendFile,
    async submit(job, signal) {
      // Sent once: RunPod makes two jobs of two requests, and the answer to the first may be lost.
      const call = { json: { input: job }, once: true, signal: delayAbort(signal, SUBMIT_GRACE_MS) }
      return (await ask('POST', 'run', call)).id
    },
    async follow(id, onProgress, signal) {
      for (;;) {
        const outcome = readStatus(await ask('GET', `status/${encodeURIComponent(id)}`, { signal }))
        if (outcome.result) return outcome.result
        onProgress(outcome.progress)
        await sleep(POLL_MS, signal)
      }
    },
    async cancel(id, signal) {
      await ask('POST', `cancel/${encodeURIComponent(id)}`, { signal })
    },
    videoRequest: (_id, result) => ({ url: result.output_url }),
    [Symbol.asyncDispose]: async () => {},
  }
}

/** @throws SubmitError of a job that has ended without a video */
export function readStatus({
  status,
  output,
  error,
}: RunpodJob):
  { result: JobResult; progress?: undefined } | { progress: ShownProgress; result?: undefined } {
  switch (status) {
    case 'COMPLETED': {
      const result = output as Partial<JobResult> | undefined
      if (typeof result?.output_url === 'string') return { result: result as JobResult }
      const message = 'the endpoint answered no result of a musetalk-worker'
      throw new SubmitError({ code: 'UNKNOWN', message, retryable: false })
    }
    case 'FAILED':
      throw failureFromText(typeof error === 'string' ? error : JSON.stringify(error ?? ''))
    case 'CANCELLED':
      throw new SubmitError({ code: 'CANCELED', message: 'the job was canceled', retryable: false })
    case 'TIMED_OUT': {
      const message = 'the job ran past the limit of the endpoint'
      throw new SubmitError({ code: 'DEADLINE', message, retryable: true })
    }
    default:
      return { progress: status === 'IN_PROGRESS' ? progressOf(output) : waiting }
  }
}

/** What a job's worker last told of it; nothing yet where it has just begun. */
export function progressOf(told: unknown): ShownProgress {
  const { phase, progress, eta_sec, metrics } = (told ?? {}) as Partial<EventBase>
  return {
    status: 'running',
    ...{ phase: phase ?? 'starting', progress: progress ?? 0 },
    ...{ eta_sec: eta_sec ?? null, metrics: metrics ?? {} },
  }
}
