import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Deps } from '../../handler/context.ts'
import { openFetch } from '../../handler/net/guarded-fetch.ts'
import { handle } from '../../handler/handle.ts'
import { parseJob } from '../../handler/parse-job.ts'
import type { Log } from '../../handler/render/context.ts'
import { webhookKeys } from '../../handler/events/webhook-signature.ts'
import { filesUrl } from '../../handler/storage/directory.ts'
import { openWebhooks } from '../../handler/events/webhook-sender.ts'
import type { Config } from '../config/config.ts'
import { devicesOf } from '../config/devices.ts'
import { startEngines, type Engines } from '../engine/pool.ts'
import { areBroken, cannotRender, healthOf } from './health.ts'
import { aboutThis, workerId, type About } from '../config/identity.ts'
import { Jobs } from '../jobs/job-queue.ts'
import { cacheOf, LITE, limitsOf } from '../library.ts'
import { installStop, type Stop } from '../shutdown.ts'
import { jsonLog } from '../log/json-log.ts'
import { createMetrics } from './metrics.ts'
import type { Mode } from '../config/job-source.ts'
import { pull } from '../sources/pull-worker.ts'
import { pushApp } from '../http/app.ts'
import { Callbacks } from '../http/runpod/webhook-sender.ts'
import { listen, tryListen } from '../http/server.ts'
import { probesApp } from '../http/routes/health.ts'
import type { Handle } from '../jobs/job-record.ts'
import { runpodLevel, runpodLog } from '../runpod/log.ts'
import { openScratch } from './scratch-directory.ts'
import { abandonUploads } from './abandoned-uploads.ts'
import { bystander, openSource } from '../sources/create-source.ts'
import { downloadSpeed } from './download-speed.ts'
import { createStorage } from './create-storage.ts'

/**
 * Take jobs until the process is told to stop: listens first, warms the models second.
 * @param mode who gives the jobs, beside those that come over HTTP
 * @returns the exit status
 */
export async function serve(config: Config, mode: Mode = { source: 'push' }): Promise<number> {
  const log = mode.source === 'runpod' ? runpodLog(runpodLevel(config)) : jsonLog(config.LOG_LEVEL)
  using stop = installStop(config.DRAIN_SEC * 1000, log)
  await using scratch = await openScratch(config.SCRATCH_DIR)
  await using engines = startEngines({
    devices: devicesOf(config),
    device: config.DEVICE,
    bundle: config.MODEL_BUNDLE ?? LITE,
    ...(config.FFMPEG_PATH !== undefined && { ffmpegPath: config.FFMPEG_PATH }),
    ...cacheOf(config),
    modelCache: config.CACHE_DIR,
    maxJobs: config.ENGINE_MAX_JOBS,
    ...(config.ENGINE_MAX_MB !== undefined && { maxMb: config.ENGINE_MAX_MB }),
    log,
  })
  const fetch = openFetch(config.ALLOW_PRIVATE_URLS ? { blocked: () => false } : {})
  const keys = webhookKeys(config.WEBHOOK_SECRET ?? '') ?? []
  const deps = {
    render: engines.render,
    fetch,
    webhooks: openWebhooks({ fetch, keys }),
    limits: limitsOf(config),
    scratch: scratch.dir,
    allowFileInputs: config.ALLOW_FILE_INPUTS,
    fitOutput: config.FIT_OUTPUT,
    ...(config.BATCH_SIZE !== undefined && { batchSize: config.BATCH_SIZE }),
  }
  const about = await aboutThis(config.GIT_REVISION)
  void abandonUploads(scratch.begun, config, stop.soon, log)
  await workUntil(stop, { config, mode, engines, deps, about, log })
  return 0
}

interface Parts {
  config: Config
  mode: Mode
  engines: Engines
  deps: Omit<Deps, 'storage' | 'log'>
  about: About
  log: Log
}

const DEFAULT_PORT = 8000
const forever = new Promise<never>(() => {})
/** What the last webhooks may take once the last job is done. */
const LAST_WORD_MS = 5_000

/** Everything between whoever brings jobs and `handle()`. */
export async function workUntil(stop: Stop, parts: Parts): Promise<void> {
  const { config, mode, engines, deps, about } = parts
  const speed = downloadSpeed()
  const log: Log = (event, fields) => {
    if (event === 'downloaded') {
      const bytes = Number(fields?.['bytes']) || 0
      metrics.moved('in', bytes)
      speed.note(bytes, Number(fields?.['seconds']) || 0)
    }
    parts.log(event, fields)
  }
  const slots = config.CONCURRENCY * engines.status().length
  const jobs = new Jobs({
    handle: await handlerWith({ ...deps, log }, config),
    parse: (payload, id) => parseJob(payload, id, deps),
    slots,
    queueLimit: config.QUEUE_LIMIT,
    limitMs: config.JOB_TIMEOUT_SEC * 1000,
    stop,
    refusal: () => (areBroken(engines) ? cannotRender() : undefined),
    onEnd: (job) => metrics.ended(job),
  })
  const metrics = createMetrics({
    version: about.version,
    counts: () => jobs.counts(),
    engines: () => engines.status(),
  })
  const health = healthOf(stop, engines, about)
  const post = async (url: string, body: string, signal: AbortSignal) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await deps.fetch(url, { method: 'POST', headers, body, signal })
    await answer.discard()
    return answer.status
  }
  const callbacks = new Callbacks(post, log)
  const watch = bystander(mode, config, jobs, log)
  const app = pushApp(
    {
      ...{ jobs, health, metrics, post, log, check: deps.fetch.check },
      parse: (payload, id) => parseJob(payload, id, deps),
      ...(watch && { watch }),
      ...(config.API_KEY !== undefined && { apiKey: config.API_KEY }),
      ...(config.PUBLIC_BASE_URL !== undefined && { publicBaseUrl: config.PUBLIC_BASE_URL }),
      ...(config.STORAGE === 'directory' && { files: resolve(config.OUTPUT_DIR) }),
      workerId: workerId(config),
      gpuClass: config.GPU_CLASS_NAME,
    },
    callbacks,
  )
  await using pulled =
    mode.source === 'push'
      ? undefined
      : await openSource(mode, config, {
          about: () => ({ ...about, bundle: health().bundle?.id ?? null }),
          downloadMbps: speed.mbps,
          reason: () => engines.status().find(({ state }) => state === 'broken')?.reason,
          log,
        })
  // A queue's worker needs no port: there the server is an extra.
  await using open =
    mode.source === 'runpod'
      ? await tryListen(app, config.PORT, config.HOST, log)
      : await listen(app, config.PORT ?? DEFAULT_PORT, config.HOST)
  await using _health =
    config.PORT_HEALTH !== undefined && config.PORT_HEALTH !== open?.port
      ? await listen(probesApp({ health, metrics }), config.PORT_HEALTH, config.HOST)
      : undefined
  log('worker.listening', { host: open?.host ?? null, port: open?.port ?? null, ...about })
  // Where none can start, jobs run all the same: into the error that says so.
  const warm = engines.ready(stop.soon).then(
    () => log('worker.ready', { bundle: health().bundle?.id }),
    (error: Error) => log('worker.not_ready', { reason: error.message }),
  )
  void warm.then(() => jobs.open())
  const pulling =
    pulled &&
    pull({
      ...{ ...pulled, jobs, slots, engines: engines.status().length, warm, stop, log },
      origin: config.PUBLIC_BASE_URL ?? `http://localhost:${open?.port ?? DEFAULT_PORT}`,
      broken: () => (areBroken(engines) ? cannotRender().message : undefined),
    })

  // A loop that cannot work (its folder cannot be written) ends the worker, not only itself.
  if (!stop.soon.aborted) await Promise.race([once(stop.soon, 'abort'), pulling ?? forever])
  log('worker.draining', jobs.counts())
  await jobs.drained()
  await pulling
  const enough = AbortSignal.timeout(LAST_WORD_MS)
  await Promise.race([
    Promise.all([deps.webhooks.drain(enough), callbacks.settled()]),
    once(enough, 'abort'),
  ])
  log('worker.stopped', jobs.counts())
}

/** `handle()` with a store whose URLs are those that the submitter can reach. */
async function handlerWith(deps: Omit<Deps, 'storage'>, config: Config): Promise<Handle> {
  const shared = await createStorage(config)
  return async (payload, { origin, ...call }) => {
    const storage =
      config.STORAGE === 'directory'
        ? await createStorage(config, (key) => filesUrl(origin, key))
        : shared
    return handle(payload, { ...deps, storage }, call)
  }
}
