import { once } from 'node:events'
import { resolve } from 'node:path'
import type { JobDependencies, Transfer } from '../../handler/job-context.ts'
import { isStillStored } from '../../handler/idempotency.ts'
import { delayAbort } from '../../handler/net/retry.ts'
import { parseJob } from '../../handler/job/parse-job.ts'
import type { Log } from '../../handler/log.ts'
import { splitRender } from '../../handler/render/split/split-render.ts'
import { sweepParts } from '../../handler/sweep-parts.ts'
import { DEFAULT_PORT, type Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import type { RenderPool } from '../engine/pool.ts'
import { allEnginesBroken, cannotRenderError, createSourceContact, healthOf } from './health.ts'
import { workerId, type BuildInfo } from '../config/identity.ts'
import { JobQueue } from '../jobs/job-queue.ts'
import { notifyJoinedCaller } from '../jobs/joined-webhooks.ts'
import type { Shutdown } from '../shutdown.ts'
import { createMetrics } from './metrics.ts'
import type { JobSourceConfig } from '../config/job-source.ts'
import { runPullWorker } from '../sources/pull-worker.ts'
import { createApp } from '../http/app.ts'
import { startServer, tryStartServer } from '../http/server.ts'
import { healthRoutes } from '../http/routes/health.ts'
import { progressMirror, createJobSource, openPartQueue } from '../sources/create-source.ts'
import { createThroughputMeter } from './download-speed.ts'
import { openEstimates } from './estimates/estimates.ts'
import { createUploads } from './create-inputs.ts'
import { createStorage } from './create-storage.ts'
import { handlerWith } from './job-handler.ts'
import { createTracer } from '../tracing/create-tracer.ts'
import type { StorageWatch } from './storage-watch.ts'
import type { PullStatus } from '../http/app-options.ts'

export interface WorkerDependencies {
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
  onListening?: (port: number) => void
}

const forever = new Promise<never>(() => {})
/** What the last webhooks may take once the drain is over: those of jobs that were given up then. */
const SHUTDOWN_DELIVERY_MS = 5_000
/** What the look for a result may take whose job was sent again. */
const LOOK_MS = 10_000

/** Everything between whoever brings jobs and `handle()`. */
export async function runWorker(stop: Shutdown, parts: WorkerDependencies): Promise<void> {
  const { config, mode, engines, about, log } = parts
  const uploads = createUploads(config, parts.deps.scratch)
  const longest = config.MAX_SECONDS_PER_WORKER
  const idle = () => engines.status().filter(({ state }) => state === 'ready').length
  const split = { seconds: longest, room: engines.room, idle }
  const render = splitRender(parts.deps.render, split)
  await using queue = mode.source === 'bullmq' ? await openPartQueue(config) : undefined
  const deps = { ...parts.deps, uploads, render, ...(queue && { parts: queue }) }
  const speed = createThroughputMeter()
  const onTransfer = (transfer: Transfer) => {
    metrics.fileTransferred(transfer)
    if (transfer.direction === 'in') speed.add(transfer.bytes, transfer.seconds)
  }
  const onStage = (stage: string, seconds: number) => metrics.stageEnded(stage, seconds)
  const storageProblem = () => parts.storage?.problem()
  const contact = mode.source === 'push' ? undefined : createSourceContact(mode.source)
  const slots = config.CONCURRENCY * engines.status().length
  const storage = await createStorage(config)
  await using tracer = await createTracer({
    ...{ endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT, serviceName: config.OTEL_SERVICE_NAME },
    ...{ version: about.version, instance: workerId(config) },
  })
  const jobDeps = { ...deps, onTransfer, storageProblem, log }
  await using estimates = await openEstimates(
    { ...jobDeps, storage, estimate: engines.estimate },
    { config, slots, stop },
  )
  const jobs = new JobQueue({
    handle: handlerWith({ ...jobDeps, onStage }, config, storage, tracer),
    parse: (payload, id) => parseJob(payload, id, deps),
    slots,
    queueLimit: config.QUEUE_LIMIT,
    limitMs: config.JOB_TIMEOUT_SEC * 1000,
    stop,
    unavailable: () => (allEnginesBroken(engines) ? cannotRenderError() : undefined),
    onEnd(job) {
      metrics.jobFinished(job)
      if (job.result) estimates.learn(job.result)
      if (job.error?.code === 'UPLOAD_FAILED') parts.storage?.lookAgain()
    },
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
  const onAccepted = progressMirror(mode, config, jobs, log)
  const app = createApp({
    ...{ jobs, uploads, health, metrics, log, webhooks: deps.webhooks },
    ...{ estimate: estimates.make, assertPublicUrl: deps.fetch.check },
    maxBodyBytes: config.MAX_BODY_MB * 1e6,
    parse: (payload, id) => parseJob(payload, id, deps),
    ...(onAccepted && { onAccepted }),
    ...(config.API_KEY !== undefined && { apiKey: config.API_KEY }),
    corsOrigins: config.CORS_ORIGINS,
    allowedHosts: config.ALLOWED_HOSTS,
    ...(config.PUBLIC_BASE_URL !== undefined && { publicBaseUrl: config.PUBLIC_BASE_URL }),
    ...(config.STORAGE === 'directory' && { files: resolve(config.OUTPUT_DIR) }),
    workerId: workerId(config),
    gpuClass: config.GPU_CLASS_NAME,
  })
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
  log.info('worker.listening', {
    ...{ host: open?.host ?? null, port: open?.port ?? null, ...about },
    bundle: config.MODEL_BUNDLE ?? 'lite',
  })
  if (open) parts.onListening?.(open.port)
  // Where none can start, jobs run all the same: into the error that says so.
  const modelsReady = engines.ready(stop.draining).then(
    () => log.info('worker.ready', { bundle: health().bundle?.id }),
    (error: Error) => log.error('worker.not_ready', { reason: error.message }),
  )
  void modelsReady.then(() => jobs.open())
  const swept = queue && sweepParts({ storage, log }, stop.draining)
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
  await Promise.race([deps.webhooks.drain(deadline), once(deadline, 'abort')])
  await swept
  log.info('worker.stopped', jobs.counts())
}
