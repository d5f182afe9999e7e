import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Log } from '../../handler/log.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import { configuredWorkerId, workerId } from '../config/identity.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { JobSourceConfig } from '../config/job-source.ts'
import { createOrchestratorClient } from './orchestrator/client.ts'
import { mirrorProgress } from './orchestrator/progress-mirror.ts'
import { bufferSource } from './orchestrator/buffer-source.ts'
import { orchestrator, type WorkerInfo } from './orchestrator/source.ts'
import { lockStateDir } from './state-directory.ts'
import { createRunpodSource } from './runpod/create-source.ts'
import type { Source } from './job-source.ts'
import { readMachineInfo, systemInfoOf, type SystemInfo } from './system-info.ts'
import { warnUndeliveredResults, warnUnreachableStorage } from './startup-warnings.ts'

/** A source of jobs, and the folder that its claimer keeps over its lives. */
export interface OpenSource extends AsyncDisposable {
  source: Source
  dir: string
}

export interface SourceDependencies {
  about: WorkerInfo['about']
  /** Megabits per second of the latest downloads. */
  downloadMbps(): number
  /** Why nothing can be rendered, in the words of this machine's log. */
  reason(): string | undefined
  log: Log
}

type PullMode = Exclude<JobSourceConfig, { source: 'push' }>

/** @throws Error where another process claims under the same name */
export async function createJobSource(
  mode: PullMode,
  config: Config,
  parts: SourceDependencies,
): Promise<OpenSource> {
  const open = await createOrchestratorSource(mode, config, parts)
  await warnUndeliveredResults(config.STATE_DIR, open.dir, parts.log)
  return open
}

async function createOrchestratorSource(
  mode: PullMode,
  config: Config,
  parts: SourceDependencies,
): Promise<OpenSource> {
  if (mode.source === 'runpod') return openRunpodSource(mode, config, parts)
  warnUnreachableStorage(config, parts.log)
  if (mode.source === 'bullmq') return openBullmqSource(config, parts.log)
  const given = mode.workerId ?? configuredWorkerId(config)
  const { workerId, ...place } = await lockStateDir(config.STATE_DIR, mode.source, given)
  const system = await freshSystemInfo(config.SCRATCH_DIR, parts.downloadMbps)
  const gpuClass = (mode.source === 'buffer' && config.GPU_CLASS) || config.GPU_CLASS_NAME
  const info: WorkerInfo = {
    ...{ workerId, gpuClass, configLabel: config.CONFIG_LABEL },
    ...{ batchSize: config.BATCH_SIZE ?? null, about: parts.about, system: system.now },
  }
  const fetch = createTrustedFetch(proxyOf(config))
  const api = createOrchestratorClient(fetch, mode.baseUrl, mode.key)
  const { log } = parts
  const source =
    mode.source === 'orchestrator'
      ? orchestrator({
          ...{ api, info, log, workerType: config.WORKER_TYPE, provider: config.PROVIDER },
          pollMs: config.POLL_INTERVAL_SEC * 1000,
        })
      : bufferSource({
          ...{ api, info, log, capacity: config.BUFFER_CAPACITY },
          progressApi: createOrchestratorClient(
            fetch,
            config.ORCHESTRATOR_BASE_URL ?? mode.baseUrl,
            mode.key,
          ),
          pollMs: config.BUFFER_POLL_INTERVAL_SEC * 1000,
        })
  return {
    ...{ source, dir: place.dir },
    async [Symbol.asyncDispose]() {
      system[Symbol.dispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

/**
 * Who else wants to know how far the jobs are that come over HTTP: the orchestrator, where one is
 * named that they are not claimed from.
 */
export function progressMirror(mode: JobSourceConfig, config: Config, jobs: JobQueue, log: Log) {
  const { ORCHESTRATOR_BASE_URL: url, INTERNAL_API_KEY: key } = config
  if (mode.source !== 'push' || url === undefined || key === undefined) return undefined
  const tag = {
    ...{ worker_id: workerId(config), config_label: config.CONFIG_LABEL },
    batch_size: config.BATCH_SIZE ?? null,
  }
  return mirrorProgress(
    createOrchestratorClient(createTrustedFetch(proxyOf(config)), url, key),
    tag,
    jobs,
    log,
  )
}

/** RunPod's queue knows a worker by the name that the platform gave to it. */
async function openRunpodSource(
  { take, done }: Extract<JobSourceConfig, { source: 'runpod' }>,
  config: Config,
  parts: SourceDependencies,
): Promise<OpenSource> {
  const given = config.RUNPOD_POD_ID ?? configuredWorkerId(config)
  const { workerId, ...place } = await lockStateDir(config.STATE_DIR, 'runpod', given)
  const { about, reason, log } = parts
  const { source, ...open } = await createRunpodSource(config, {
    ...{ take, done, workerId, version: about().version, reason, log },
  })
  return {
    ...{ source, dir: place.dir },
    async [Symbol.asyncDispose]() {
      open[Symbol.dispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

/** BullMQ and Redis's client are loaded only where they are asked for. */
async function openBullmqSource(config: Config, log: Log): Promise<OpenSource> {
  const { createBullmqSource } = await import('./bullmq/create-source.ts')
  const given = configuredWorkerId(config)
  const { workerId, ...place } = await lockStateDir(config.STATE_DIR, 'bullmq', given)
  const open = createBullmqSource(config, workerId, log)
  return {
    ...{ source: open.source, dir: place.dir },
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

/** The queue of a BullMQ worker, for the parts of long jobs. */
export async function openPartQueue(config: Config) {
  const [queue, { redisTargetOf }] = await Promise.all([
    import('./bullmq/part-queue.ts'),
    import('../config/redis.ts'),
  ])
  const { BULLMQ_PREFIX: prefix, BULLMQ_QUEUE: name } = config
  return queue.openPartQueue({ redis: redisTargetOf(config), prefix, queue: name })
}

const REFRESH_MS = 5_000

/** System information that can be told at once, because the machine is measured all the time. */
async function freshSystemInfo(
  dir: string,
  downloadMbps: () => number,
): Promise<{ now(): SystemInfo } & Disposable> {
  let machine = await readMachineInfo(dir)
  const measure = () => void readMachineInfo(dir).then((fresh) => (machine = fresh))
  const timer = setInterval(measure, REFRESH_MS)
  timer.unref()
  return {
    now: () => systemInfoOf(machine, downloadMbps()),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
