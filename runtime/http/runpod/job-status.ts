import { isFinal, type Job } from '../../jobs/job-record.ts'
import { runpodError } from '../../runpod/error.ts'

export type RunpodStatus =
  'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT'

export function toRunpodStatus({ state, error }: Job): RunpodStatus {
  switch (state) {
    case 'queued':
      return 'IN_QUEUE'
    case 'running':
      return 'IN_PROGRESS'
    case 'succeeded':
      return 'COMPLETED'
    case 'canceled':
      return 'CANCELLED'
    case 'failed':
      return error?.code === 'DEADLINE' ? 'TIMED_OUT' : 'FAILED'
  }
}

/** A job as `/status` answers; keys without a value are left out. */
export function runpodJobView(job: Job, worker: { id: string; version: string }) {
  const { id, attempts, queued, started, finished } = job
  const output = jobOutput(job)
  return {
    ...(started !== undefined && { delayTime: Math.round(started - queued) }),
    ...(job.error && { error: runpodError(job.error, worker) }),
    ...(started !== undefined &&
      finished !== undefined && { executionTime: Math.round(finished - started) }),
    id,
    ...(output && { output }),
    ...(attempts > 1 && { retries: attempts - 1 }),
    status: toRunpodStatus(job),
    ...(started !== undefined && { workerId: worker.id }),
  }
}

/** The result, or while it runs the last progress. */
function jobOutput(job: Job) {
  if (job.result) return job.result
  if (isFinal(job) || !job.events.last) return undefined
  const { phase, progress, eta_sec, metrics } = job.events.last
  return { phase, progress, eta_sec, metrics }
}
