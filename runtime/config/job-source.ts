import { hostname } from 'node:os'
import type { Config } from './config.ts'

/** Who gives this worker its jobs. */
export type JobSourceConfig =
  | { source: 'push' }
  | { source: 'orchestrator' | 'buffer'; baseUrl: string; key: string; workerId?: string }
  /** URL templates: where jobs are taken, and where they are reported. */
  | { source: 'runpod'; take: string; done: string }
  | { source: 'bullmq' }

export type ModeConfig = Pick<
  Config,
  | ('BUFFER_ORCHESTRATOR_BASE_URL' | 'BUFFER_WORKER_ID' | 'INTERNAL_API_KEY')
  | ('ORCHESTRATOR_BASE_URL' | 'REDIS_URL' | 'WORKER_MODE')
  | ('RUNPOD_WEBHOOK_GET_JOB' | 'RUNPOD_WEBHOOK_POST_OUTPUT')
>

/**
 * Read from the environment who gives the jobs. There is one source in a container: two loops that
 * claim would each take jobs while the other renders.
 *
 * @throws Error naming the variables that contradict each other or are missing
 */
export function resolveJobSource(config: ModeConfig): JobSourceConfig {
  const { WORKER_MODE: mode, ORCHESTRATOR_BASE_URL: main, INTERNAL_API_KEY: key } = config
  if (mode === 'push') return { source: 'push' }
  const usesBuffer = mode === 'buffer' || config.BUFFER_WORKER_ID !== undefined
  if (config.REDIS_URL.length > 0) {
    const runpod = config.RUNPOD_WEBHOOK_GET_JOB !== undefined
    if (!runpod && !usesBuffer && main === undefined) return { source: 'bullmq' }
    const others = runpod ? 'RUNPOD_WEBHOOK_GET_JOB' : namesOf(config)
    throw new Error(
      `REDIS_URL asks for a BullMQ queue, and ${others} for another source; ` +
        'a container has one source of jobs, so unset one of them',
    )
  }
  if (config.RUNPOD_WEBHOOK_GET_JOB !== undefined) {
    const other = usesBuffer ? 'a buffer' : main !== undefined && 'an orchestrator'
    if (other) {
      throw new Error(
        `RUNPOD_WEBHOOK_GET_JOB asks for RunPod's queue, and ${namesOf(config)} for ${other}; ` +
          'a container has one source of jobs, so unset one of them',
      )
    }
    const { RUNPOD_WEBHOOK_GET_JOB: take, RUNPOD_WEBHOOK_POST_OUTPUT: done } = config
    if (done !== undefined) return { source: 'runpod', take, done }
    throw new Error(
      "to take jobs from RunPod's queue, the environment must have RUNPOD_WEBHOOK_POST_OUTPUT",
    )
  }
  const baseUrl = (usesBuffer && config.BUFFER_ORCHESTRATOR_BASE_URL) || main
  if (!usesBuffer && main === undefined && key === undefined) return { source: 'push' }
  const missing = [
    ...(baseUrl ? [] : ['ORCHESTRATOR_BASE_URL (where jobs are claimed)']),
    ...(key ? [] : ['INTERNAL_API_KEY (the key for it)']),
  ]
  if (!baseUrl || !key) {
    throw new Error(
      `to claim jobs, the environment must have ${missing.join(' and ')}; ` +
        'WORKER_MODE=push takes jobs over HTTP only',
    )
  }
  if (!usesBuffer) return { source: 'orchestrator', baseUrl, key }
  const workerId = config.BUFFER_WORKER_ID ?? `buffer-${hostname()}`
  return { source: 'buffer', baseUrl, key, workerId }
}

const namesOf = (config: ModeConfig): string =>
  [
    ...(config.WORKER_MODE === 'buffer' ? ['WORKER_MODE=buffer'] : []),
    ...(['BUFFER_WORKER_ID', 'ORCHESTRATOR_BASE_URL'] as const).filter(
      (name) => config[name] !== undefined,
    ),
  ].join(' and ')
