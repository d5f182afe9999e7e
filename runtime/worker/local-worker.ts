import type { JobDependencies, Limits } from '../../handler/job-context.ts'
import type { EstimateDependencies } from '../../handler/estimate.ts'
import { silentLog, type Log } from '../../handler/log.ts'
import { createGuardedFetch, createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import type { ProxySettings } from '../../handler/net/proxy.ts'
import type { ResizePolicy } from '../../handler/render/output-frame.ts'
import { avatarCache, type CacheOptions } from '../../handler/render/avatar/avatar-cache.ts'
import { findFfmpeg } from '../../handler/render/media/find-ffmpeg.ts'
import { createEstimator } from '../../handler/render/estimate-render.ts'
import { createRenderer } from '../../handler/render/render.ts'
import { parseWebhookSecrets } from '../../handler/events/webhook-signature.ts'
import { directoryStorage } from '../../handler/storage/directory.ts'
import type { InputBuckets } from '../../handler/inputs/input-buckets.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import { createWebhookSender } from '../../handler/events/webhook-sender.ts'
import { openBundle } from '../../models/inference/bundle.ts'
import type { Device } from '../../models/inference/session.ts'
import { LITE } from '../config/bundle-directory.ts'
import { readConfig } from '../config/config.ts'
import { readBuildInfo } from '../config/identity.ts'
import { limitsOf } from '../config/limits.ts'

export interface LocalOptions {
  /** Folder of the model bundle; the embedded `lite` where unset. */
  bundle?: string
  device?: Device
  /** Threads of one graph run on a CPU. */
  threads?: number
  /** Most graph runs at the same time on a CPU; fewer than there are cores. */
  lanes?: number
  ffmpegPath?: string
  storage?: Storage
  scratch?: string
  /** Where to keep what was learned about videos, and how much of it; nothing where unset. */
  cache?: CacheOptions
  /** Where to keep optimized copies of large graphs, and what is known of a bundle's files. */
  modelCache?: string
  limits?: Limits
  allowFileInputs?: boolean
  /** Buckets that jobs may name. */
  buckets?: InputBuckets
  /** Lets the URLs of jobs reach private and loopback addresses. */
  allowPrivateUrls?: boolean
  /** By which servers others are reached; directly where unset. */
  proxy?: ProxySettings | undefined
  /** `whsec_…`, several separated by a space; events go out unsigned where unset. */
  webhookSecret?: string
  fitOutput?: ResizePolicy
  /** Whether results say that a model has drawn in them, where the job does not say so; true where unset. */
  provenance?: boolean
  batchSize?: number
  log?: Log
  signal?: AbortSignal
}

/**
 * All that `handle()` needs, with the render in this process. Options that are left out have the
 * defaults of the environment variables in the README, but the environment is not read.
 *
 * @throws ModelError, WorkerError FFMPEG_MISSING
 */
export async function createLocalWorker(
  options: LocalOptions = {},
): Promise<JobDependencies & Pick<EstimateDependencies, 'estimate'> & AsyncDisposable> {
  const defaults = readConfig({})
  const signal = options.signal ?? new AbortController().signal
  const [{ version }, ffmpeg, bundle] = await Promise.all([
    readBuildInfo(undefined),
    findFfmpeg(options.ffmpegPath, signal),
    openBundle(options.bundle ?? LITE, {
      device: options.device ?? 'auto',
      threads: options.threads ?? 1,
      lanes: options.lanes ?? 2,
      ...(options.modelCache !== undefined && { cache: options.modelCache }),
      ...(options.log && { onWarning: options.log.warn }),
    }),
  ])
  const { proxy } = options
  const fetch = options.allowPrivateUrls ? createTrustedFetch(proxy) : createGuardedFetch({ proxy })
  const webhooks = createWebhookSender({ fetch, keys: parseSecrets(options.webhookSecret) })
  return {
    render: createRenderer(bundle, ffmpeg, options.cache && avatarCache(options.cache)),
    estimate: createEstimator(bundle, ffmpeg),
    fetch,
    webhooks,
    storage: options.storage ?? directoryStorage(defaults.OUTPUT_DIR),
    limits: options.limits ?? limitsOf(defaults),
    scratch: options.scratch ?? defaults.SCRATCH_DIR,
    allowFileInputs: options.allowFileInputs ?? false,
    ...(options.buckets && { buckets: options.buckets }),
    fitOutput: options.fitOutput ?? 'source',
    provenance: { version, unasked: options.provenance ?? true },
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    log: options.log ?? silentLog,
    async [Symbol.asyncDispose]() {
      await webhooks.drain(AbortSignal.any([signal, AbortSignal.timeout(LAST_WORD_MS)]))
      await bundle[Symbol.asyncDispose]()
    },
  }
}

/** How long a process that is done waits for its last webhooks. */
const LAST_WORD_MS = 30_000

function parseSecrets(secret: string | undefined): Buffer[] {
  if (secret === undefined) return []
  const keys = parseWebhookSecrets(secret)
  if (!keys) throw new TypeError('webhookSecret must be whsec_ and the base64 of 24 to 64 bytes')
  return keys
}
