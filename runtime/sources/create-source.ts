import { openFetch } from '../../handler/net/guarded-fetch.ts'
import type { Log } from '../../handler/render/context.ts'
import type { Config } from '../config/config.ts'
import { givenId, workerId } from '../config/identity.ts'
import type { Jobs } from '../jobs/job-queue.ts'
import type { Mode } from '../config/job-source.ts'
import { openApi } from './orchestrator/client.ts'
import { tellBystander } from './orchestrator/progress-mirror.ts'
import { buffer } from './orchestrator/buffer-source.ts'
import { warnLeftovers } from './leftovers.ts'
import { orchestrator, type WorkerFacts } from './orchestrator/source.ts'
import { takePlace } from './state-directory.ts'
import { openRunpod } from './runpod/create-source.ts'
import type { Source } from './job-source.ts'
import { systemInfo, type SystemInfo } from './system-info.ts'
import { warnUnreachable } from './startup-warnings.ts'

/** A source of jobs, and the folder that its claimer keeps over its lives. */
export interface OpenSource extends AsyncDisposable {
  source: Source
  dir: string
}

export interface SourceParts {
  about: WorkerFacts['about']
  /** Megabits per second of the latest downloads. */
  downloadMbps(): number
  /** Why nothing can be rendered, in the words of this machine's log. */
  reason(): string | undefined
  log: Log
}

type PullMode = Exclude<Mode, { source: 'push' }>

/** @throws Error where another process claims under the same name */
export async function openSource(
  mode: PullMode,
  config: Config,
  parts: SourceParts,
): Promise<OpenSource> {
  const open = await openPlaced(mode, config, parts)
  await warnLeftovers(config.STATE_DIR, open.dir, parts.log)
  return open
}

async function openPlaced(mode: PullMode, config: Config, parts: SourceParts): Promise<OpenSource> {
  if (mode.source === 'runpod') return openRunpodPlace(mode, config, parts)
  warnUnreachable(config, parts.log)
  const given = mode.workerId ?? givenId(config)
  const { workerId, ...place } = await takePlace(config.STATE_DIR, mode.source, given)
  const system = await freshSystemInfo(config.SCRATCH_DIR, parts.downloadMbps)
  const gpuClass = (mode.source === 'buffer' && config.GPU_CLASS) || config.GPU_CLASS_NAME
  const facts: WorkerFacts = {
    ...{ workerId, gpuClass, configLabel: config.CONFIG_LABEL },
    ...{ batchSize: config.BATCH_SIZE ?? null, about: parts.about, system: system.now },
  }
  // The operator's own addresses may be anywhere.
  const fetch = openFetch({ blocked: () => false })
  const api = openApi(fetch, mode.baseUrl, mode.key)
  const { log } = parts
  const source =
    mode.source === 'orchestrator'
      ? orchestrator({
          ...{ api, facts, log, workerType: config.WORKER_TYPE, provider: config.PROVIDER },
          pollMs: config.POLL_INTERVAL_SEC * 1000,
        })
      : buffer({
          ...{ api, facts, log, capacity: config.BUFFER_CAPACITY },
          progressApi: openApi(fetch, config.ORCHESTRATOR_BASE_URL ?? mode.baseUrl, mode.key),
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
export function bystander(mode: Mode, config: Config, jobs: Jobs, log: Log) {
  const { ORCHESTRATOR_BASE_URL: url, INTERNAL_API_KEY: key } = config
  if (mode.source !== 'push' || url === undefined || key === undefined) return undefined
  const tag = {
    ...{ worker_id: workerId(config), config_label: config.CONFIG_LABEL },
    batch_size: config.BATCH_SIZE ?? null,
  }
  return tellBystander(openApi(openFetch({ blocked: () => false }), url, key), tag, jobs, log)
}

/** RunPod's queue knows a worker by the name that the platform gave to it. */
async function openRunpodPlace(
  { take, done }: Extract<Mode, { source: 'runpod' }>,
  config: Config,
  parts: SourceParts,
): Promise<OpenSource> {
  const given = config.RUNPOD_POD_ID ?? givenId(config)
  const { workerId, ...place } = await takePlace(config.STATE_DIR, 'runpod', given)
  const { about, reason, log } = parts
  const { source, ...open } = await openRunpod(config, {
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

const REFRESH_MS = 5_000

/** System information that can be told at once, because it is measured all the time. */
async function freshSystemInfo(
  dir: string,
  downloadMbps: () => number,
): Promise<{ now(): SystemInfo } & Disposable> {
  let info = await systemInfo(dir, downloadMbps())
  const measure = () => void systemInfo(dir, downloadMbps()).then((fresh) => (info = fresh))
  const timer = setInterval(measure, REFRESH_MS)
  timer.unref()
  return { now: () => info, [Symbol.dispose]: () => clearInterval(timer) }
}
