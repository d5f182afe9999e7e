import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { LOG_THRESHOLDS } from '../log/levels.ts'
import { inputBuckets, inputBucketProblems } from './input-buckets.ts'
import { isProxyVariable, lowerCaseProxies, proxyUrl } from './proxies.ts'
import { redisUrls } from './redis.ts'
import { storageKind, type StorageKind } from './storage-kind.ts'
import {
  boolean,
  headerValue,
  hosts,
  hubSwitch,
  integer,
  number,
  origins,
  port,
  prefix,
  runpodLevel,
  seconds,
  secret,
  text,
  url,
  urlTemplate,
  webhookSecrets,
} from './value-forms.ts'

/** Where the environment says nothing about PORT. */
export const DEFAULT_PORT = 8000

/** Every variable that is read; `environment-reference.ts` says what each means. */
export const Env = v.object({
  ALL_PROXY: v.optional(v.string()),
  ALLOWED_HOSTS: hosts,
  ALLOW_FILE_INPUTS: boolean(false),
  ALLOW_LITE: boolean(false),
  ALLOW_PRIVATE_URLS: boolean(false),
  API_KEY: v.optional(headerValue),
  B2_API_URL: v.optional(url, 'https://api.backblazeb2.com'),
  B2_APP_KEY: v.optional(secret),
  B2_BUCKET_NAME: v.optional(text),
  B2_KEY_ID: v.optional(secret),
  B2_PREFIX: prefix('avatar/outputs'),
  BATCH_SIZE: v.optional(v.pipe(text, v.transform(Number), v.integer(), v.minValue(1))),
  BUFFER_CAPACITY: integer(1, 1),
  BUFFER_ORCHESTRATOR_BASE_URL: v.optional(url),
  BUFFER_POLL_INTERVAL_SEC: seconds(10, 0.1),
  BUFFER_WORKER_ID: v.optional(text),
  BULLMQ_LOCK_SEC: seconds(30, 1),
  BULLMQ_PREFIX: v.optional(text, 'bull'),
  BULLMQ_QUEUE: v.optional(text, 'musetalk'),
  BUNDLE_ALLOW_UNKNOWN: boolean(false),
  BUNDLE_PULL: boolean(false),
  BUNDLES_DIR: v.optional(text, () =>
    join(homeDirectory(), '.local', 'share', 'musetalk-worker', 'bundles'),
  ),
  CACHE_DIR: v.optional(text, () => join(homeDirectory(), '.cache', 'musetalk-worker')),
  CACHE_MAX_MB: number(4096, 0),
  CONCURRENCY: integer(2, 1),
  CORS_ORIGINS: origins,
  CONFIG_LABEL: v.optional(text, 'default'),
  CUDA_VISIBLE_DEVICES: v.optional(v.string()),
  DEVICE: v.optional(v.picklist(['auto', 'cuda', 'cpu']), 'auto'),
  DRAIN_SEC: number(600, 0),
  ENGINE_MAX_JOBS: integer(500, 1),
  ENGINE_MAX_MB: v.optional(v.pipe(text, v.transform(Number), v.number(), v.minValue(1))),
  FFMPEG_PATH: v.optional(text),
  FIT_OUTPUT: v.optional(v.picklist(['source', 'requested']), 'source'),
  GIT_REVISION: v.optional(text),
  GPU_CLASS: v.optional(text),
  GPU_CLASS_NAME: v.optional(text, 'unknown'),
  HF_ENDPOINT: v.optional(url, 'https://huggingface.co'),
  HF_HOME: v.optional(text, () => join(homeDirectory(), '.cache', 'huggingface')),
  HF_HUB_CACHE: v.optional(text),
  HF_HUB_OFFLINE: hubSwitch,
  HF_TOKEN: v.optional(headerValue),
  HOST: v.optional(text),
  INPUT_BUCKETS: inputBuckets,
  HTTP_PROXY: v.optional(proxyUrl),
  HTTPS_PROXY: v.optional(proxyUrl),
  INTERNAL_API_KEY: v.optional(headerValue),
  JOB_TIMEOUT_SEC: number(3600, 1),
  LOG_FORMAT: v.optional(v.picklist(['json', 'text'])),
  LOG_LEVEL: v.optional(v.picklist(LOG_THRESHOLDS), 'info'),
  MAX_AUDIO_SEC: number(1800, 1),
  MAX_BODY_MB: number(16, 1),
  MAX_INPUT_MB: number(2048, 1),
  MAX_PIXELS: integer(3840 * 2160, 64 * 64),
  MAX_SECONDS_PER_WORKER: v.optional(v.pipe(text, v.transform(Number), v.number(), v.minValue(5))),
  MAX_VIDEO_SEC: number(1800, 1),
  MODEL_BUNDLE: v.optional(text),
  NO_PROXY: v.optional(v.string(), ''),
  OCTASPACE_NODE_ID: v.optional(text),
  ORCHESTRATOR_BASE_URL: v.optional(url),
  OTEL_EXPORTER_OTLP_ENDPOINT: v.optional(url),
  OTEL_SERVICE_NAME: v.optional(text, 'musetalk-worker'),
  OUTPUT_DIR: v.optional(text, 'outputs'),
  POLL_INTERVAL_SEC: seconds(5, 0.1),
  PORT: v.optional(port),
  PORT_HEALTH: v.optional(port),
  PROVIDER: v.optional(text, 'unknown'),
  PROVENANCE: boolean(true),
  PUBLIC_BASE_URL: v.optional(url),
  QUEUE_LIMIT: integer(16, 0),
  REDIS_SENTINEL_NAME: v.optional(text),
  REDIS_SENTINEL_PASSWORD: v.optional(secret),
  REDIS_URL: redisUrls,
  RETAIN_HOURS: v.optional(v.pipe(text, v.transform(Number), v.number(), v.minValue(0))),
  RETAIN_MB: v.optional(v.pipe(text, v.transform(Number), v.number(), v.minValue(0))),
  RUNPOD_AI_API_KEY: v.optional(headerValue),
  RUNPOD_API_KEY: v.optional(headerValue),
  RUNPOD_DEBUG_LEVEL: v.optional(runpodLevel),
  RUNPOD_ENDPOINT_BASE_URL: v.optional(url, 'https://api.runpod.ai/v2'),
  RUNPOD_GPU_TYPE_ID: v.optional(v.string(), ''),
  RUNPOD_LOG_LEVEL: v.optional(runpodLevel),
  RUNPOD_MIN_DISK_PERCENT: number(10, 0),
  RUNPOD_MIN_MEMORY_GB: number(4, 0),
  // In milliseconds; RunPod kills a worker that it does not hear.
  RUNPOD_PING_INTERVAL: v.pipe(
    number(10_000, 0),
    v.transform((ms) => Math.min(60_000, Math.max(1_000, ms))),
  ),
  RUNPOD_POD_HOSTNAME: v.optional(text, 'unknown'),
  RUNPOD_POD_ID: v.optional(text),
  RUNPOD_REFRESH_WORKER: boolean(false),
  RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: boolean(false),
  RUNPOD_WEBHOOK_GET_JOB: v.optional(urlTemplate),
  RUNPOD_WEBHOOK_PING: v.optional(urlTemplate),
  RUNPOD_WEBHOOK_POST_OUTPUT: v.optional(urlTemplate),
  S3_ADDRESSING_STYLE: v.optional(v.picklist(['auto', 'path', 'virtual']), 'auto'),
  S3_BUCKET: v.optional(text),
  S3_ENDPOINT: v.optional(url),
  S3_KEY_ID: v.optional(secret),
  S3_PREFIX: prefix(''),
  S3_PUBLIC_BASE_URL: v.optional(url),
  S3_REGION: v.optional(text, 'us-east-1'),
  S3_SECRET: v.optional(secret),
  SALAD_MACHINE_ID: v.optional(text),
  SCRATCH_DIR: v.optional(text, join(tmpdir(), 'musetalk-worker')),
  STATE_DIR: v.optional(text, () => join(homeDirectory(), '.local', 'state', 'musetalk-worker')),
  STORAGE: v.optional(v.picklist(['b2', 's3', 'directory'])),
  UPLOADS_MAX_MB: number(8192, 1),
  UPLOADS_TTL_SEC: number(86_400, 60),
  VAST_CONTAINERLABEL: v.optional(text),
  WEBHOOK_SECRET: v.optional(webhookSecrets),
  WORKER_ID: v.optional(text),
  WORKER_MODE: v.optional(v.picklist(['queue', 'buffer', 'push']), 'queue'),
  WORKER_TYPE: v.optional(text, 'main'),
})

export type EnvironmentVariable = keyof typeof Env.entries

/** The environment, checked; the variables keep their names. */
export type Config = v.InferOutput<typeof Env> & { STORAGE: StorageKind }

/** The only reader of the environment. Throws once, naming every bad variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  // A job that waits in a worker of RunPod's queue is kept from one that is idle.
  const set = {
    ...(given['RUNPOD_WEBHOOK_GET_JOB'] && { CONCURRENCY: '1' }),
    ...given,
    ...lowerCaseProxies(given),
  }
  const parsed = v.safeParse(Env, set, { abortPipeEarly: true })
  const STORAGE = storageKind(set)
  const unreadable = parsed.success ? inputBucketProblems(parsed.output) : []
  if (parsed.success && !Array.isArray(STORAGE) && unreadable.length === 0) {
    return { ...parsed.output, STORAGE }
  }
  const problems = [
    ...(parsed.issues ?? []).map((issue) => `${v.getDotPath(issue)}: ${issue.message}`),
    ...(Array.isArray(STORAGE) ? STORAGE : []),
    ...unreadable,
  ]
  throw new Error(
    `the environment is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  )
}

/**
 * Users that are only a number have no home, and need none where every folder is given. An empty HOME is
 * none either: it would be whatever folder the process was started in.
 */
export function homeDirectory(find = homedir): string {
  const none = join(tmpdir(), `user-${process.getuid?.() ?? 'unknown'}`)
  try {
    return find() || none
  } catch {
    return none
  }
}

/**
 * The environment of a render process: the machine's variables (drivers, paths) and none of ours,
 * so that no secret reaches a process that opens strangers' media.
 * @param visible which GPU it sees; '' leaves that as it is
 */
export function renderProcessEnv(visible: string, env = process.env): NodeJS.ProcessEnv {
  // What says that there is no GPU must go on saying so.
  const ours = (name: string) =>
    name !== 'CUDA_VISIBLE_DEVICES' &&
    (Object.hasOwn(Env.entries, name) || name.startsWith('RUNPOD_') || isProxyVariable(name))
  const machine = Object.entries(env).filter(([name]) => !ours(name))
  return { ...Object.fromEntries(machine), ...(visible && { CUDA_VISIBLE_DEVICES: visible }) }
}
