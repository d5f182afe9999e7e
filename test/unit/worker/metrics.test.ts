import { expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import type { Job } from '../../../runtime/jobs/job-record.ts'
import { createMetrics, type Metrics } from '../../../runtime/worker/metrics.ts'
import { resultFor } from '../../helpers/jobs/controlled-jobs.ts'

const open = (changes: Partial<Parameters<typeof createMetrics>[0]> = {}): Metrics =>
  createMetrics({
    ...{ version: '1', counts: () => ({ queued: 2, running: 1 }) },
    engines: () => [{ index: 0, state: 'busy', device: 'cpu', jobs: 3, restarts: 4, rss_mb: 5 }],
    ...changes,
  })
/** The lines of these metrics that are not 0, without comments and buckets. */
async function lines(metrics: Metrics, name: string): Promise<string[]> {
  const all = (await metrics.text()).split('\n')
  return all.filter((line) => new RegExp(`^musetalk_${name}(?!.* 0$)(?!\\w*_bucket)`).test(line))
}
const job = (changes: Partial<Job>) =>
  ({ channel: 'jobs', queued: 1000, started: 3000, finished: 7500, ...changes }) as Job

test('a finished job is counted, with its waiting, its seconds and its frames', async () => {
  const metrics = open()
  metrics.jobFinished(job({ state: 'succeeded', result: resultFor('a') }))
  expect(await lines(metrics, '(jobs_total|job_)')).toEqual([
    'musetalk_jobs_total{channel="jobs",outcome="succeeded",code=""} 1',
    'musetalk_job_seconds_sum{outcome="succeeded"} 4.5',
    'musetalk_job_seconds_count{outcome="succeeded"} 1',
    'musetalk_job_wait_seconds_sum 2',
    'musetalk_job_wait_seconds_count 1',
  ])
  expect(await lines(metrics, 'frames_total')).toEqual(['musetalk_frames_total 25'])
  expect(await lines(metrics, 'realtime_factor_sum')).toEqual(['musetalk_realtime_factor_sum 0.8'])
})

test('a failure is counted by its code and its stage; what never ran took no time', async () => {
  const metrics = open()
  const error = new InputError('NO_FACE', 'nobody is there', { stage: 'avatar' })
  metrics.jobFinished(job({ state: 'failed', error }))
  const { started: _, ...unstarted } = job({ state: 'canceled' })
  metrics.jobFinished(unstarted)
  expect(await lines(metrics, '(jobs_total|job_failures|job_seconds_count|frames)')).toEqual([
    'musetalk_jobs_total{channel="jobs",outcome="failed",code="NO_FACE"} 1',
    'musetalk_jobs_total{channel="jobs",outcome="canceled",code=""} 1',
    'musetalk_job_failures_total{stage="avatar",code="NO_FACE"} 1',
    'musetalk_job_seconds_count{outcome="failed"} 1',
  ])
})

test('what was found in the store was not made once more', async () => {
  const metrics = open()
  const result = { ...resultFor('a'), deduplicated: true }
  metrics.jobFinished(job({ state: 'succeeded', result }))
  expect(await lines(metrics, '(frames_total|realtime_factor)')).toEqual([])
})

test('stages are counted as they end, also those of a job that fails', async () => {
  const metrics = open()
  metrics.stageEnded('avatar', 2)
  metrics.stageEnded('avatar', 0.5)
  expect(await lines(metrics, 'stage_seconds')).toEqual([
    'musetalk_stage_seconds_sum{stage="avatar"} 2.5',
    'musetalk_stage_seconds_count{stage="avatar"} 2',
  ])
})

test('bytes are counted by their direction', async () => {
  const metrics = open()
  metrics.fileTransferred({ direction: 'in', bytes: 100 })
  metrics.fileTransferred({ direction: 'in', bytes: 20 })
  metrics.fileTransferred({ direction: 'out', bytes: 3 })
  expect(await lines(metrics, 'bytes_total')).toEqual([
    'musetalk_bytes_total{direction="in"} 120',
    'musetalk_bytes_total{direction="out"} 3',
  ])
})

test('what is so now is asked when it is read', async () => {
  let reachable: boolean | null = null
  let problem: string | undefined
  const metrics = open({ sourceReachable: () => reachable, storageProblem: () => problem })
  const up = () => lines(metrics, '(source|storage)_up')
  expect(await up()).toEqual(['musetalk_source_up 1', 'musetalk_storage_up 1'])
  reachable = false
  problem = 'it refuses the key'
  expect(await up()).toEqual([])
  expect(await lines(metrics, '(jobs_(waiting|running)|engine_)')).toEqual([
    'musetalk_jobs_waiting 2',
    'musetalk_jobs_running 1',
    'musetalk_engine_state{engine="0",state="busy"} 1',
    `musetalk_engine_memory_bytes{engine="0"} ${5 * 2 ** 20}`,
    'musetalk_engine_restarts_total{engine="0"} 4',
  ])
})
