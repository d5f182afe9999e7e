import { once } from 'node:events'
import { resolve } from 'node:path'
import type { JobDependencies, Transfer } from '../../handler/context.ts'
import { isStillStored } from '../../handler/idempotency.ts'
import { delayAbort } from '../../handler/net/retry.ts'
import { createGuardedFetch, createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import { parseJob } from '../../handler/job/parse-job.ts'
import type { Log } from '../../handler/log.ts'
import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import { createWebhookSender } from '../../handler/events/webhook-sender.ts'
import { bundleDirectory, LITE } from '../config/bundle-directory.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import { visibleGpus } from '../config/visible-gpus.ts'
import { deferPool } from '../engine/deferred-pool.ts'
import { createRenderPool, type RenderPool } from '../engine/pool.ts'
import { allEnginesBroken, cannotRenderError, createSourceContact, healthOf } from './health.ts'
import { readBuildInfo, workerId, type BuildInfo } from '../config/identity.ts'
import { JobQueue } from '../jobs/job-queue.ts'
import { notifyJoinedCaller } from '../jobs/joined-webhooks.ts'
import { cacheOf, limitsOf } from '../config/limits.ts'
import { installSignalHandlers, type Shutdown } from '../shutdown.ts'
import { createJsonLogger } from '../log/json-log.ts'
import { createTerminalLogger } from '../log/terminal-log.ts'
import { createMetrics } from './metrics.ts'
import type { JobSourceConfig } from '../config/job-source.ts'
import { runPullWorker } from '../sources/pull-worker.ts'
import { createApp } from '../http/app.ts'
import { RunpodWebhookSender } from '../http/runpod/webhook-sender.ts'
import { startServer, tryStartServer } from '../http/server.ts'
import { healthRoutes } from '../http/routes/health.ts'
import { runpodLevel, runpodLog } from '../log/runpod-log.ts'
import { openScratch } from './scratch-directory.ts'
import { keepRetention } from './output-retention.ts'
import { abortOrphanedUploads } from './abandoned-uploads.ts'
import { progressMirror, createJobSource } from '../sources/create-source.ts'
import { createThroughputMeter } from './download-speed.ts'
import { createInputBuckets, createUploads } from './create-inputs.ts'
import { createStorage } from './create-storage.ts'
import { handlerWith } from './job-handler.ts'
import { createTracer } from '../tracing/create-tracer.ts'
import { storageProbe, watchStorage, type StorageWatch } from './storage-watch.ts'
import { startPull } from './startup-pull.ts'
import { openWebhookStore } from './webhook-store.ts'
import type { AppOptions, PullStatus } from '../http/app-options.ts'

/**
 * Take jobs until the process is told to stop: listens first, warms the models second.
 * @param mode who gives the jobs, beside those that come over HTTP
 * @returns the exit status
 */
export async function startWorker(
  config: Config,
  mode: JobSourceConfig = { source: 'push' },
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
  const webhooks = createWebhookSender({ fetch, keys, ...(store && { store }) })
  webhooks.resume(left, log)
  const deps = {
    render: engines.render,
    fetch,
    webhooks,
    limits: limitsOf(config),
    scratch: scratch.dir,
    allowFileInputs: config.ALLOW_FILE_INPUTS,
    ...(buckets && { buckets }),
    fitOutput: config.FIT_OUTPUT,
    ...(config.BATCH_SIZE !== undefined && { batchSize: config.BATCH_SIZE }),
  }
  const about = await readBuildInfo(config.GIT_REVISION)
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
  await runWorker(stop, { config, mode, engines, deps, about, log, storage, ...pullStatus })
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

interface WorkerDependencies {
  config: Config
  mode: JobSourceConfig
  engines: RenderPool
  deps: Omit<JobDependencies, 'storage' | 'log'>
  about: BuildInfo
  log: Log
  /** How far the bundle is that the engines wait for. */
  pull?: () => PullStatus | undefined
  /** Whether results can be stored. */
  storage?: StorageWatch
}

export const DEFAULT_PORT = 8000
const forever = new Promise<never>(() => {})
/** What the last webhooks may take once the drain is over: those of jobs that were given up then. */
const SHUTDOWN_DELIVERY_MS = 5_000
/** What the look for a result may take whose job was sent again. */
const LOOK_MS = 10_000

/** Everything between whoever brings jobs and `handle()`. */
export async function runWorker(stop: Shutdown, parts: WorkerDependencies): Promise<void> {
  const { config, mode, engines, about, log } = parts
  const uploads = createUploads(config, parts.deps.scratch)
  const deps = { ...parts.deps, uploads }
  const speed = createThroughputMeter()
  const onTransfer = (transfer: Transfer) => {
    metrics.fileTransferred(transfer)
    if (transfer.direction === 'in') speed.add(transfer.bytes, transfer.seconds)
  }
  const storageProblem = () => parts.storage?.problem()
  const contact = mode.source === 'push' ? undefined : createSourceContact(mode.source)
  const slots = config.CONCURRENCY * engines.status().length
  const storage = await createStorage(config)
  await using tracer = await createTracer({
    ...{ endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT, serviceName: config.OTEL_SERVICE_NAME },
    ...{ version: about.version, instance: workerId(config) },
  })
  const jobs = new JobQueue({
    handle: handlerWith({ ...deps, onTransfer, storageProblem, log }, config, storage, tracer),
    parse: (payload, id) => parseJob(payload, id, deps),
    slots,
    queueLimit: config.QUEUE_LIMIT,
    limitMs: config.JOB_TIMEOUT_SEC * 1000,
    stop,
    unavailable: () => (allEnginesBroken(engines) ? cannotRenderError() : undefined),
    onEnd: (job) => metrics.jobFinished(job),
    onJoin: (job, caller) => notifyJoinedCaller(jobs, job, caller, deps.webhooks, log),
    // A store that cannot be asked is no reason to do a job again.
    isStored: (object, result) =>
      isStillStored(object, result, storage, AbortSignal.timeout(LOOK_MS)).catch(() => true),
  })
  const metrics = createMetrics({
    version: about.version,
    counts: () => jobs.counts(),
    engines: () => engines.status(),
    storageProblem,
    ...(contact && { sourceReachable: () => contact.status().reachable }),
  })
  const { pull } = parts
  const health = healthOf(stop, engines, about, { pull, storageProblem, source: contact?.status })
  const post: AppOptions['post'] = async (url, body, signal, more) => {
    const headers = { 'content-type': 'application/json', ...more }
    const answer = await deps.fetch(url, { method: 'POST', headers, body, signal })
    await answer.discard()
    return answer.status
  }
  const runpodWebhooks = new RunpodWebhookSender(post, log)
  const onAccepted = progressMirror(mode, config, jobs, log)
  const app = createApp(
    {
      ...{ jobs, uploads, health, metrics, post, log, assertPublicUrl: deps.fetch.check },
      maxBodyBytes: config.MAX_BODY_MB * 1e6,
      parse: (payload, id) => parseJob(payload, id, deps),
      ...(onAccepted && { onAccepted }),
      ...(config.WEBHOOK_SECRET !== undefined && { webhookSecret: config.WEBHOOK_SECRET }),
      ...(config.API_KEY !== undefined && { apiKey: config.API_KEY }),
      corsOrigins: config.CORS_ORIGINS,
      allowedHosts: config.ALLOWED_HOSTS,
      ...(config.PUBLIC_BASE_URL !== undefined && { publicBaseUrl: config.PUBLIC_BASE_URL }),
      ...(config.STORAGE === 'directory' && { files: resolve(config.OUTPUT_DIR) }),
      workerId: workerId(config),
      gpuClass: config.GPU_CLASS_NAME,
    },
    runpodWebhooks,
  )
  await using pulled =
    mode.source === 'push'
      ? undefined
      : await createJobSource(mode, config, {
          about: () => ({ ...about, bundle: health().bundle?.id ?? null }),
          downloadMbps: speed.mbps,
          reason: () => engines.status().find(({ state }) => state === 'broken')?.reason,
          log,
        })
  // A queue's worker needs no port: there the server is an extra.
  await using open =
    mode.source === 'runpod'
      ? await tryStartServer(app, config.PORT, config.HOST, log)
      : await startServer(app, config.PORT ?? DEFAULT_PORT, config.HOST)
  await using _health =
    config.PORT_HEALTH !== undefined && config.PORT_HEALTH !== open?.port
      ? await startServer(healthRoutes({ health, metrics }), config.PORT_HEALTH, config.HOST)
      : undefined
  log.info('worker.listening', { host: open?.host ?? null, port: open?.port ?? null, ...about })
  // Where none can start, jobs run all the same: into the error that says so.
  const modelsReady = engines.ready(stop.draining).then(
    () => log.info('worker.ready', { bundle: health().bundle?.id }),
    (error: Error) => log.error('worker.not_ready', { reason: error.message }),
  )
  void modelsReady.then(() => jobs.open())
  const pulling =
    pulled &&
    runPullWorker({
      onContact: contact?.note,
      ...{ ...pulled, jobs, slots, engines: engines.status().length, warm: modelsReady, stop, log },
      origin: config.PUBLIC_BASE_URL ?? `http://localhost:${open?.port ?? DEFAULT_PORT}`,
      proxy: proxyOf(config),
      broken: () => (allEnginesBroken(engines) ? cannotRenderError().message : undefined),
    })

  // A loop that cannot work (its folder cannot be written) ends the worker, not only itself.
  if (!stop.draining.aborted) await Promise.race([once(stop.draining, 'abort'), pulling ?? forever])
  log.info('worker.draining', jobs.counts())
  await jobs.drained()
  await pulling
  const deadline = stop.aborted.aborted
    ? AbortSignal.timeout(SHUTDOWN_DELIVERY_MS)
    : delayAbort(stop.aborted, SHUTDOWN_DELIVERY_MS)
  await Promise.race([
    Promise.all([deps.webhooks.drain(deadline), runpodWebhooks.drained()]),
    once(deadline, 'abort'),
  ])
  log.info('worker.stopped', jobs.counts())
}
