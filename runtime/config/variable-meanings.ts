import type { EnvironmentVariable } from './config.ts'

/** What each variable means, in the order in which a reader wants them. */
export const MEANINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'HTTP server': {
    PORT: "port of the server; with RunPod's queue there is no server unless this is set",
    HOST: 'address to listen on',
    PORT_HEALTH: 'a second port for probes (RunPod load balancing)',
    PUBLIC_BASE_URL: 'where `/files/` is reached from outside',
    ALLOWED_HOSTS:
      'names, by commas, that browsers may know this worker by; addresses, local names and https need none',
    CORS_ORIGINS: 'origins, by commas, whose pages may send jobs and read answers; none else may',
    API_KEY: 'bearer token for everything but probes (not with Salad, whose side-car sends none)',
  },
  Jobs: {
    CONCURRENCY:
      "jobs in flight per engine, so that one downloads while another renders; 1 with RunPod's queue",
    MAX_SECONDS_PER_WORKER:
      'longer results are cut into parts of about so many seconds, drawn by all engines, or all workers of a BullMQ queue, side by side; one piece each where unset',
    QUEUE_LIMIT: 'jobs that may wait; more are answered 429',
    JOB_TIMEOUT_SEC: 'a whole job',
    DRAIN_SEC:
      'how long a shutdown waits for jobs that run; 24 days at most, also where it says more',
    MAX_VIDEO_SEC: 'longest video',
    MAX_AUDIO_SEC: 'longest recording',
    MAX_INPUT_MB: 'largest input file',
    MAX_BODY_MB: 'largest JSON body; media in base64 are a third larger than the files',
    UPLOADS_MAX_MB: 'what all files under `/uploads` may have together',
    UPLOADS_TTL_SEC: 'how long such a file is kept after its last use',
    MAX_PIXELS: 'largest frame, width × height (3840 × 2160); stills are scaled down to it',
    HTTP_PROXY:
      'by which proxy http addresses are reached; this and the next three also in lower case',
    HTTPS_PROXY: 'the same for https',
    ALL_PROXY: 'for both, where they have none of their own; only an HTTP proxy is used',
    NO_PROXY:
      'what is reached directly: names with all below them, addresses, networks, `*`, by commas',
    ALLOW_PRIVATE_URLS: 'for desks and tests: inputs and webhooks at internal addresses',
    ALLOW_FILE_INPUTS: 'for desks and tests: local paths as inputs',
    INPUT_BUCKETS:
      'buckets that jobs may name, read with the credentials below: `s3://bucket, b2://other/prefix`',
    PROVENANCE:
      'results say that a model has drawn in them; a job may say otherwise by `output.provenance`',
    FIT_OUTPUT: '`requested` honors `aspect_ratio` and `resolution` of every job',
    WEBHOOK_SECRET: 'signs webhooks: `whsec_…`, several separated by a space',
  },
  Models: {
    ALLOW_LITE:
      'with an orchestrator or a queue: do not warn that no bundle is set and `lite` renders its jobs',
    MODEL_BUNDLE: 'what renders: `lite`, the name of a pulled bundle, or a directory',
    DEVICE: '`auto`, `cuda` or `cpu`; one engine per GPU in `CUDA_VISIBLE_DEVICES`',
    CUDA_VISIBLE_DEVICES: 'which GPUs are used; empty or -1 for none',
    BATCH_SIZE: 'frames per run of `generate`',
    BUNDLES_DIR: 'where bundles are that are named and not a path',
    BUNDLE_PULL:
      'fetch the bundle that `MODEL_BUNDLE` names when the worker starts and it is not there',
    BUNDLE_ALLOW_UNKNOWN: 'take other weights than the official ones',
    HF_ENDPOINT: 'where official files are fetched from; a mirror',
    HF_TOKEN: 'sent to that host only',
    HF_HOME: "the hub's own folder; files that are already there are used",
    HF_HUB_CACHE: "the hub's cache",
    HF_HUB_OFFLINE: 'fetch nothing',
    ENGINE_MAX_JOBS: 'when an engine is replaced',
    ENGINE_MAX_MB: 'when an engine is replaced, by its resident memory',
    FFMPEG_PATH: 'ffprobe is looked for beside it, then on `PATH`',
  },
  'Where results go': {
    STORAGE: '`b2`, `s3` or `directory`; a presigned PUT in the job wins',
    OUTPUT_DIR: 'the directory store',
    RETAIN_HOURS: 'results in `OUTPUT_DIR` that are older are removed; all are kept where unset',
    RETAIN_MB: 'the oldest results in `OUTPUT_DIR` are removed until all take no more',
    S3_ENDPOINT: 'any S3 but AWS',
    S3_ADDRESSING_STYLE:
      '`path` or `virtual`: where requests name the bucket; `auto` is virtual for AWS, Alibaba, Tencent and Volcengine',
    S3_REGION: 'the region that requests are signed for',
    S3_BUCKET: 'the bucket',
    S3_KEY_ID: 'access key id',
    S3_SECRET: 'secret access key',
    S3_PREFIX: 'stands before every key',
    S3_PUBLIC_BASE_URL: 'where objects are public; without it results are presigned GETs',
    B2_KEY_ID: 'endpoint and download host come from the key',
    B2_APP_KEY: 'application key',
    B2_BUCKET_NAME: 'the bucket',
    B2_PREFIX: 'stands before every key',
    B2_API_URL: 'where keys are authorized',
  },
  'Folders of the machine': {
    SCRATCH_DIR: 'files of a job that runs',
    CACHE_DIR:
      'what was learned about videos, copies of large graphs made for this processor, and compiled code',
    CACHE_MAX_MB: 'limit of the former; 0 keeps nothing',
    STATE_DIR: 'outcomes that were not heard of yet; must outlive the process',
    OTEL_EXPORTER_OTLP_ENDPOINT:
      'where spans of jobs and stages go, by OTLP over HTTP; the SDK reads its other `OTEL_…` variables itself',
    OTEL_SERVICE_NAME: 'what this service is called there',
    LOG_FORMAT: '`json` or `text`, which is for people',
    LOG_LEVEL:
      '`silent`, `error`, `warn`, `info` or `debug`: lines on stderr, with level and job id',
  },
  'Jobs from an orchestrator or a buffer': {
    ORCHESTRATOR_BASE_URL: '`start` claims jobs there',
    INTERNAL_API_KEY: 'its key',
    WORKER_MODE:
      '`queue`: from the orchestrator, where one is named; `buffer`; `push`: over HTTP only',
    POLL_INTERVAL_SEC: 'pause after a claim that brought nothing',
    WORKER_TYPE: 'said in claims',
    PROVIDER: 'said in heartbeats',
    CONFIG_LABEL: 'said in reports',
    BUFFER_WORKER_ID: 'setting it, or `WORKER_MODE=buffer`, claims from a buffer',
    BUFFER_ORCHESTRATOR_BASE_URL: 'the buffer',
    BUFFER_CAPACITY: 'said in heartbeats',
    BUFFER_POLL_INTERVAL_SEC: 'pause after a claim that brought nothing',
    GPU_CLASS: 'said to a buffer',
  },
  'Jobs from a BullMQ queue': {
    REDIS_URL:
      '`redis://user:password@host:6379`, `rediss://` for TLS; several, by commas: a cluster’s nodes, or sentinels. `start` takes jobs there',
    REDIS_SENTINEL_NAME: 'what the sentinels call the primary',
    REDIS_SENTINEL_PASSWORD:
      'of the sentinels themselves; that of the primary stands in `REDIS_URL`',
    BULLMQ_QUEUE: 'the queue',
    BULLMQ_PREFIX: 'BullMQ’s prefix of all keys; in braces for a cluster',
    BULLMQ_LOCK_SEC: 'how long a job stays this worker’s when nothing is heard of it',
  },
  'Jobs that are sent': {
    RUNPOD_API_KEY: '`submit --runpod`: the key of your account',
    RUNPOD_ENDPOINT_BASE_URL: '`submit --runpod`: where endpoints are',
  },
  'Who this worker is': {
    SALAD_MACHINE_ID: 'set by Salad; the first of these five that is set names the worker',
    VAST_CONTAINERLABEL: 'set by Vast',
    OCTASPACE_NODE_ID: 'set by OctaSpace',
    WORKER_ID: 'for machines of your own',
    RUNPOD_POD_ID: 'set by RunPod',
    GPU_CLASS_NAME: 'said in heartbeats',
    GIT_REVISION: 'said by `/health`, heartbeats and the log',
  },
  'RunPod’s queue': {
    RUNPOD_WEBHOOK_GET_JOB: 'set by RunPod: `start` takes jobs from its queue',
    RUNPOD_WEBHOOK_POST_OUTPUT: 'set by RunPod',
    RUNPOD_WEBHOOK_PING: 'set by RunPod',
    RUNPOD_PING_INTERVAL: 'set by RunPod, in milliseconds',
    RUNPOD_AI_API_KEY: 'set by RunPod',
    RUNPOD_POD_HOSTNAME: 'set by RunPod',
    RUNPOD_GPU_TYPE_ID: 'set by RunPod',
    RUNPOD_REFRESH_WORKER: 'RunPod resets this worker after each job',
    RUNPOD_MIN_MEMORY_GB: 'what must be free before a worker takes jobs',
    RUNPOD_MIN_DISK_PERCENT: 'what must be free before a worker takes jobs',
    RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'take jobs whatever is free',
    RUNPOD_LOG_LEVEL:
      '`NOTSET`, `DEBUG`, `INFO`, `WARN` or `ERROR`: lines of RunPod’s form on stdout',
    RUNPOD_DEBUG_LEVEL: 'the same, by its older name',
  },
}

/** Defaults that depend on the machine or on other variables. */
export const FALLBACKS: Partial<Record<EnvironmentVariable, string>> = {
  PORT: '8000',
  HOST: '`::`, or `0.0.0.0` without IPv6',
  PUBLIC_BASE_URL: 'the request’s origin',
  MODEL_BUNDLE: 'lite',
  BATCH_SIZE: 'the bundle’s',
  BUNDLES_DIR: '~/.local/share/musetalk-worker/bundles',
  HF_HOME: '~/.cache/huggingface',
  HF_HUB_CACHE: '`HF_HOME`/hub',
  HF_HUB_OFFLINE: 'false',
  FFMPEG_PATH: 'the `ffmpeg-static` package’s, else on `PATH`',
  STORAGE: 'by what is set',
  LOG_FORMAT: '`text` at a terminal, else `json`',
  SCRATCH_DIR: 'musetalk-worker in the system’s temporary folder',
  CACHE_DIR: '~/.cache/musetalk-worker',
  STATE_DIR: '~/.local/state/musetalk-worker',
  BUFFER_WORKER_ID: 'buffer-<hostname>',
  BUFFER_ORCHESTRATOR_BASE_URL: '`ORCHESTRATOR_BASE_URL`',
  GPU_CLASS: '`GPU_CLASS_NAME`',
  RUNPOD_LOG_LEVEL: '`LOG_LEVEL`',
}
