import type { Log } from '../../../handler/log.ts'
import type { Config } from '../../config/config.ts'
import { proxyOf } from '../../config/proxies.ts'
import type { Source } from '../job-source.ts'
import { warnUnreachableStorage } from '../startup-warnings.ts'
import { openClient, type Client } from './client.ts'
import { checkFitness, type FitnessFailure } from './fitness-checks.ts'
import { runpodQueue } from './source.ts'
import { urlsOf, type Urls } from './url-templates.ts'

export interface OpenRunpod extends Disposable {
  source: Source
}

export interface RunpodDependencies {
  /** URL templates, as `url-templates.ts` wants them. */
  take: string
  done: string
  workerId: string
  version: string
  /** Why the models cannot be used, in the words of this machine's log. */
  reason(): string | undefined
  log: Log
}

const UNHEALTHY_PING_MS = 2_000
const MAX_REASON = 256

/**
 * RunPod's queue, as its variables describe it. A machine that is not fit is reported, and the process
 * ends: the platform starts another.
 */
export async function createRunpodSource(
  config: Config,
  parts: RunpodDependencies,
): Promise<OpenRunpod> {
  const { workerId, version, log } = parts
  const client = openClient({
    proxy: proxyOf(config),
    key: config.RUNPOD_AI_API_KEY,
    agent: `musetalk-worker/${version}`,
  })
  const urls = urlsFrom(config, parts)
  const exitUnfit = async (unfit: FitnessFailure) => {
    await sendUnhealthyPing(client, urls, unfit, version)
    log.error('worker.unfit', { ...unfit })
    process.exit(1) // whatever threads and connections there are
  }
  log.info('worker.starting', { version })
  warnUnreachableStorage(config, log)
  if (!config.RUNPOD_SKIP_AUTO_SYSTEM_CHECKS) {
    const demands = {
      memoryGb: config.RUNPOD_MIN_MEMORY_GB,
      diskPercent: config.RUNPOD_MIN_DISK_PERCENT,
    }
    const unfit = await checkFitness(demands, process.availableMemory())
    if (unfit) await exitUnfit(unfit)
  }
  const source = runpodQueue({
    ...{ client, urls, log, refresh: config.RUNPOD_REFRESH_WORKER },
    worker: { id: workerId, version, hostname: config.RUNPOD_POD_HOSTNAME },
    everyMs: config.RUNPOD_PING_INTERVAL,
    terminate: () => void process.kill(process.pid, 'SIGTERM'),
    unfit: (broken) => void exitUnfit({ check: 'models', reason: parts.reason() ?? broken }),
  })
  return { source, [Symbol.dispose]: () => client[Symbol.dispose]() }
}

function urlsFrom(config: Config, { take, done, workerId }: RunpodDependencies): Urls {
  // Only a worker that the platform knows by name and key is listened to.
  const known = config.RUNPOD_AI_API_KEY !== undefined && config.RUNPOD_POD_ID !== undefined
  const ping = known ? config.RUNPOD_WEBHOOK_PING : undefined
  return urlsOf({ take, done, ping }, { workerId, gpuType: config.RUNPOD_GPU_TYPE_ID })
}

/** Says once why this worker will end, so that somebody can look it up; best effort. */
async function sendUnhealthyPing(
  client: Client,
  urls: Urls,
  { check, reason }: FitnessFailure,
  version: string,
) {
  const url = urls.ping?.({
    status: 'unhealthy',
    check,
    reason: `Unfit: ${reason}`.slice(0, MAX_REASON),
    runpod_version: `musetalk-worker/${version}`,
  })
  if (url !== undefined) await client.ping(url, UNHEALTHY_PING_MS)
}
