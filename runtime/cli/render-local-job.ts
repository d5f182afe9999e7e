import { basename, dirname, resolve } from 'node:path'
import { asJobError, WorkerError, type JobError } from '../../handler/errors.ts'
import { estimate, type Estimate } from '../../handler/estimate.ts'
import { handle } from '../../handler/handle.ts'
import type { JobResult } from '../../handler/events/job-events.ts'
import { directoryStorage } from '../../handler/storage/directory.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import { bundleDirectory } from '../config/bundle-directory.ts'
import type { Config } from '../config/config.ts'
import { cacheOf, limitsOf } from '../config/limits.ts'
import { proxyOf } from '../config/proxies.ts'
import { createInputBuckets } from '../worker/create-inputs.ts'
import { letHeapGrow } from '../engine/patient-gc.ts'
import { openJobSpeeds, type JobSpeeds } from '../worker/estimates/job-speeds.ts'
import { createLocalWorker } from '../worker/local-worker.ts'
import { openScratch, type Scratch } from '../worker/scratch-directory.ts'
import { createJsonLogger } from '../log/json-log.ts'
import { onInterrupt } from './interrupt.ts'
import { createProgressPrinter } from './progress-bar.ts'

export interface LocalJobOptions {
  job: Record<string, unknown>
  /** Where the video goes; a name under OUTPUT_DIR where unset. */
  out?: string
  bundle?: string
  json: boolean
  verbose: boolean
}

/**
 * Render one job of local files in this process. Ctrl-C ends it within a second; a second one ends
 * the process at once.
 *
 * @returns the result, or the failure that was printed
 */
export const renderLocalJob = (
  options: LocalJobOptions,
  config: Config,
): Promise<JobResult | JobError> =>
  withWorker(options, config, async (deps, speeds, signal) => {
    letHeapGrow()
    const onEvent = options.json ? () => {} : createProgressPrinter(process.stderr)
    const result = await handle(options.job, deps, { signal, onEvent })
    speeds.add(result)
    await speeds.saved()
    return result
  })

/** What `renderLocalJob` would make. */
export const estimateLocalJob = (
  options: LocalJobOptions,
  config: Config,
): Promise<Estimate | JobError> =>
  withWorker(options, config, (deps, { expect }, signal) =>
    estimate(options.job, { ...deps, expectSeconds: expect }, { signal }),
  )

type LocalWorker = Awaited<ReturnType<typeof createLocalWorker>>

async function withWorker<T>(
  options: LocalJobOptions,
  config: Config,
  run: (deps: LocalWorker, speeds: JobSpeeds, signal: AbortSignal) => Promise<T>,
): Promise<T | JobError> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const buckets = createInputBuckets(config)
  try {
    const speeds = await openJobSpeeds(config.CACHE_DIR, config.DEVICE)
    await using scratch = await openOwnScratch(config.SCRATCH_DIR)
    await using deps = await createLocalWorker({
      bundle: bundleDirectory(config, options.bundle),
      ...(config.FFMPEG_PATH && { ffmpegPath: config.FFMPEG_PATH }),
      ...(config.BATCH_SIZE && { batchSize: config.BATCH_SIZE }),
      device: config.DEVICE,
      storage: options.out
        ? singleFileStorage(options.out)
        : directoryStorage(resolve(config.OUTPUT_DIR)),
      scratch: scratch.dir,
      ...cacheOf(config),
      modelCache: config.CACHE_DIR,
      limits: limitsOf(config),
      allowFileInputs: true,
      ...(buckets && { buckets }),
      allowPrivateUrls: config.ALLOW_PRIVATE_URLS,
      proxy: proxyOf(config),
      ...(config.WEBHOOK_SECRET && { webhookSecret: config.WEBHOOK_SECRET }),
      fitOutput: config.FIT_OUTPUT,
      provenance: config.PROVENANCE,
      log: createJsonLogger(options.verbose ? 'debug' : 'silent'),
      signal,
    })
    return await run(deps, speeds, signal)
  } catch (thrown) {
    return asJobError(thrown, signal)
  }
}

/** @throws WorkerError DISK_FULL */
const openOwnScratch = (root: string): Promise<Scratch> =>
  openScratch(root).catch((cause: Error) => {
    throw new WorkerError('DISK_FULL', cause.message, { cause })
  })

/** What a picture's name has behind that of its video. */
const pictureEnding = (name: string): string => /\.(?:poster|preview)\.\w+$/.exec(name)?.[0] ?? ''

/** The directory store for somebody who named the file. */
function singleFileStorage(out: string): Storage {
  const path = resolve(out)
  const directory = directoryStorage(dirname(path))
  return {
    kind: 'directory',
    put: (name, file, signal) =>
      directory.put(`${basename(path)}${pictureEnding(name)}`, file, signal),
    putMetadata: async () => {},
    find: async () => undefined,
    remove: (_name, signal) => directory.remove(basename(path), signal),
  }
}
