import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Transfer } from '../../handler/job-context.ts'
import type { EngineStatus } from '../engine/engine.ts'
import type { Job } from '../jobs/job-record.ts'

export interface Metrics {
  text(): Promise<string>
  contentType: string
  /** Count a job's outcome. */
  jobFinished(job: Job): void
  /** Count the seconds of a job's stage, however the job ends. */
  stageEnded(stage: string, seconds: number): void
  /** Count a file that was fetched or stored. */
  fileTransferred(transfer: Pick<Transfer, 'direction' | 'bytes'>): void
}

export interface MetricsOptions {
  version: string
  counts(): { queued: number; running: number }
  engines(): EngineStatus[]
  /** Whether the last claim was answered; null before the first. Absent where nothing is claimed. */
  sourceReachable?: () => boolean | null
  storageProblem?: () => string | undefined
}

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]
const STATES = ['starting', 'ready', 'busy', 'broken'] as const

/** What Prometheus reads, in a registry of this worker's own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { version, counts, engines, sourceReachable, storageProblem } = options
  const register = new Registry()
  const registers = [register]
  const gauge = (name: string, help: string, labelNames: string[], collect: (g: Gauge) => void) =>
    new Gauge({
      name: `musetalk_${name}`,
      help,
      registers,
      labelNames,
      collect() {
        collect(this)
      },
    })

  gauge('info', 'Always 1; the version is a label.', ['version'], (g) => g.set({ version }, 1))
  gauge('jobs_waiting', 'Jobs in the queue.', [], (g) => g.set(counts().queued))
  gauge('jobs_running', 'Jobs that download, render or upload.', [], (g) => g.set(counts().running))
  gauge('engine_state', '1 for the state an engine is in.', ['engine', 'state'], (g) => {
    for (const { index, state } of engines()) {
      for (const one of STATES) g.set({ engine: index, state: one }, Number(one === state))
    }
  })
  gauge('engine_memory_bytes', 'Resident memory of an engine.', ['engine'], (g) => {
    for (const { index, rss_mb } of engines()) g.set({ engine: index }, (rss_mb ?? 0) * 2 ** 20)
  })
  if (sourceReachable) {
    gauge('source_up', 'Whether whoever gives the jobs answered the last claim.', [], (g) =>
      g.set(Number(sourceReachable() ?? 1)),
    )
  }
  gauge('storage_up', 'Whether results can be stored, as far as is known.', [], (g) =>
    g.set(Number(storageProblem?.() === undefined)),
  )
  const restarts = new Counter({
    ...{ name: 'musetalk_engine_restarts_total', registers: [], labelNames: ['engine'] },
    help: 'How often an engine was started again.',
    collect() {
      this.reset()
      for (const { index, restarts } of engines()) this.inc({ engine: index }, restarts)
    },
  })
  register.registerMetric(restarts)
  gauge('worker_memory_bytes', 'Resident memory of the process that answers here.', [], (g) =>
    g.set(process.memoryUsage.rss()),
  )

  const jobs = new Counter({
    ...{ name: 'musetalk_jobs_total', help: 'Jobs by outcome and error code.', registers },
    labelNames: ['channel', 'outcome', 'code'],
  })
  const failures = new Counter({
    ...{ name: 'musetalk_job_failures_total', registers, labelNames: ['stage', 'code'] },
    help: 'Jobs that failed, by the stage in which they did.',
  })
  const seconds = new Histogram({
    ...{ name: 'musetalk_job_seconds', help: 'From start to end of a job.', registers },
    ...{ labelNames: ['outcome'], buckets: SECONDS },
  })
  const waited = new Histogram({
    ...{ name: 'musetalk_job_wait_seconds', help: 'From submission to start.', registers },
    buckets: [0.01, ...SECONDS],
  })
  const stages = new Histogram({
    ...{ name: 'musetalk_stage_seconds', help: 'Stages of a job; they overlap.', registers },
    ...{ labelNames: ['stage'], buckets: [0.01, 0.05, ...SECONDS] },
  })
  const factor = new Histogram({
    ...{
      name: 'musetalk_realtime_factor',
      help: 'Seconds of work per second of video.',
      registers,
    },
    buckets: [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10],
  })
  const frames = new Counter({
    ...{ name: 'musetalk_frames_total', help: 'Frames of finished videos.', registers },
  })
  const bytes = new Counter({
    ...{ name: 'musetalk_bytes_total', help: 'Inputs fetched, results stored.', registers },
    labelNames: ['direction'],
  })

  return {
    text: () => register.metrics(),
    contentType: register.contentType,
    jobFinished({ channel, state: outcome, error, result, queued, started, finished }) {
      jobs.inc({ channel, outcome, code: error?.code ?? '' })
      if (started !== undefined && finished !== undefined) {
        waited.observe((started - queued) / 1000)
        seconds.observe({ outcome }, (finished - started) / 1000)
      }
      if (error) failures.inc({ stage: error.stage ?? '', code: error.code })
      if (!result || result.deduplicated) return // nothing was made
      factor.observe(result.realtime_factor)
      frames.inc(result.frames)
    },
    stageEnded: (stage, seconds) => stages.observe({ stage }, seconds),
    fileTransferred: (transfer) => bytes.inc({ direction: transfer.direction }, transfer.bytes),
  }
}
