import { estimate, type Estimate, type EstimateDependencies } from '../../../handler/estimate.ts'
import { shutdownError, WorkerError } from '../../../handler/errors.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { Config } from '../../config/config.ts'
import { MAX_TIMER_MS } from '../../jobs/clock.ts'
import type { Shutdown } from '../../shutdown.ts'
import { openJobSpeeds } from './job-speeds.ts'

/** Disposing waits for what was learned to be on disk. */
export interface Estimates extends AsyncDisposable {
  /** @throws as `estimate` does; WorkerError BUSY, CanceledError SHUTDOWN */
  make(payload: unknown, signal: AbortSignal): Promise<Estimate>
  /** Note how long a job took. */
  learn(result: JobResult): void
}

export interface EstimatesOptions {
  config: Pick<Config, 'CACHE_DIR' | 'DEVICE' | 'JOB_TIMEOUT_SEC'>
  /** Made at once. */
  slots: number
  stop: Shutdown
}

/**
 * Estimates beside the jobs: a few at once, for each fetches its inputs, and none longer than a job may
 * take. None waits: who is refused asks again.
 */
export async function openEstimates(
  deps: Omit<EstimateDependencies, 'expectSeconds'>,
  { config, slots, stop }: EstimatesOptions,
): Promise<Estimates> {
  const speeds = await openJobSpeeds(config.CACHE_DIR, config.DEVICE)
  const limitMs = Math.min(config.JOB_TIMEOUT_SEC * 1000, MAX_TIMER_MS)
  let running = 0
  return {
    async make(payload, signal) {
      if (stop.draining.aborted) throw shutdownError()
      if (running >= slots) throw new WorkerError('BUSY', `${running} estimates are being made`)
      running++
      const late = AbortSignal.timeout(limitMs)
      try {
        const ends = AbortSignal.any([signal, stop.aborted, late])
        const { expect } = speeds
        return await estimate(payload, { ...deps, expectSeconds: expect }, { signal: ends })
      } finally {
        running--
      }
    },
    learn: speeds.add,
    [Symbol.asyncDispose]: speeds.saved,
  }
}
