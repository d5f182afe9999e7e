import { createGuardedFetch, createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Log } from '../../handler/log.ts'
import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import { createWebhookSender } from '../../handler/events/webhook-sender.ts'
import { bundleDirectory, LITE } from '../config/bundle-directory.ts'
import { syncSignature } from '../http/sync-so/routes.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import { visibleGpus } from '../config/visible-gpus.ts'
import { deferPool } from '../engine/deferred-pool.ts'
import { createRenderPool } from '../engine/pool.ts'
import { readBuildInfo, workerId } from '../config/identity.ts'
import { cacheOf, limitsOf } from '../config/limits.ts'
import { installSignalHandlers } from '../shutdown.ts'
import { createJsonLogger } from '../log/json-log.ts'
import { createTerminalLogger } from '../log/terminal-log.ts'
import type { JobSourceConfig } from '../config/job-source.ts'
import { runpodLevel, runpodLog } from '../log/runpod-log.ts'
import { openScratch } from './scratch-directory.ts'
import { keepRetention } from './output-retention.ts'
import { abortOrphanedUploads } from './abandoned-uploads.ts'
import { createInputBuckets } from './create-inputs.ts'
import { storageProbe, watchStorage } from './storage-watch.ts'
import { startPull } from './startup-pull.ts'
import { openWebhookStore } from './webhook-store.ts'
import { runWorker } from './run-worker.ts'

export interface StartOptions {
  /** Who gives the jobs, beside those that come over HTTP. */
  mode?: JobSourceConfig
  /** Called with the port when it answers. */
  onListening?: (port: number) => void
}

/**
 * Take jobs until the process is told to stop: listens first, warms the models second.
 * @returns the exit status
 */
export async function startWorker(
  config: Config,
  { mode = { source: 'push' }, onListening }: StartOptions = {},
): Promise<number> {
  const log = createLogger(config, mode)
  using stop = installSignalHandlers(config.DRAIN_SEC * 1000, log)
  await using scratch = await openScratch(config.SCRATCH_DIR)
  const devices = visibleGpus(config)
  const createPool = () =>
    createRenderPool({
      devices,
      device: config.DEVICE,
      bundle: bundleDirectory(config),
      ...(config.FFMPEG_PATH !== undefined && { ffmpegPath: config.FFMPEG_PATH }),
      ...cacheOf(config),
      modelCache: config.CACHE_DIR,
      maxJobs: config.ENGINE_MAX_JOBS,
      ...(config.ENGINE_MAX_MB !== undefined && { maxMb: config.ENGINE_MAX_MB }),
      log,
    })
  const pull = startPull(config, { signal: stop.draining, log })
  await using engines = pull ? deferPool(devices.length, pull.done, createPool) : createPool()
  // A worker of RunPod's queue that cannot render reports that, and ends by itself.
  if (mode.source !== 'runpod') pull?.done.catch(() => stop.drain('there is no bundle'))
  const proxy = proxyOf(config)
  const fetch = config.ALLOW_PRIVATE_URLS
    ? createTrustedFetch(proxy)
    : createGuardedFetch({ proxy })
  const keys = parseWebhookSecrets(config.WEBHOOK_SECRET ?? '') ?? []
  const buckets = createInputBuckets(config)
  await using pendingWebhooks = await openWebhookStore(config.STATE_DIR, log)
  const { store, left } = pendingWebhooks
  const callbackHeaders = { 'sync.so': syncSignature(config.WEBHOOK_SECRET) }
  const webhooks = createWebhookSender({ fetch, keys, callbackHeaders, ...(store && { store }) })
  webhooks.resume(left, log)
  const about = await readBuildInfo(config.GIT_REVISION)
  const deps = {
    render: engines.render,
    fetch,
    webhooks,
    limits: limitsOf(config),
    scratch: scratch.dir,
    allowFileInputs: config.ALLOW_FILE_INPUTS,
    ...(buckets && { buckets }),
    fitOutput: config.FIT_OUTPUT,
    provenance: { version: about.version, unasked: config.PROVENANCE },
    ...(config.BATCH_SIZE !== undefined && { batchSize: config.BATCH_SIZE }),
  }
  void abortOrphanedUploads(scratch.uploadJournalDir, config, stop.draining, log)
  const pullStatus = pull && { pull: pull.status }
  if (mode.source !== 'push' && bundleDirectory(config) === LITE && !config.ALLOW_LITE) {
    const advice = 'set MODEL_BUNDLE, or ALLOW_LITE=true if that is meant'
    log.warn('worker.lite', { source: mode.source, bundle: 'lite', version: about.version, advice })
  }
  if (config.STORAGE === 'directory') {
    const { OUTPUT_DIR: dir, RETAIN_HOURS: hours, RETAIN_MB: megabytes } = config
    void keepRetention({ dir, hours, megabytes }, stop.draining, log)
  }
  const looks = storageProbe(config, workerId(config))
  const storage = watchStorage(looks.probe, { ...looks, signal: stop.draining, log })
  const told = { ...pullStatus, ...(onListening && { onListening }) }
  await runWorker(stop, { config, mode, engines, deps, about, log, storage, ...told })
  const failure = pull?.failure()
  if (failure) throw failure
  return 0
}

/** Lines for people at a terminal; elsewhere JSON, for programs. */
function createLogger(config: Config, mode: JobSourceConfig): Log {
  if (mode.source === 'runpod') return runpodLog(runpodLevel(config))
  const isForPeople = config.LOG_FORMAT ? config.LOG_FORMAT === 'text' : process.stderr.isTTY
  return isForPeople ? createTerminalLogger(config.LOG_LEVEL) : createJsonLogger(config.LOG_LEVEL)
}
