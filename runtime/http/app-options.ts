import type { Estimate } from '../../handler/estimate.ts'
import type { Webhooks } from '../../handler/events/webhook-sender.ts'
import type { UploadStore } from '../../handler/inputs/upload-store.ts'
import type { Log } from '../../handler/log.ts'
import type { EngineStatus } from '../engine/engine.ts'
import type { Parse } from '../jobs/job-identity.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { Job } from '../jobs/job-record.ts'

export type WorkerState = 'starting' | 'ready' | 'busy' | 'draining' | 'broken'

/** What probes are told while the bundle comes. */
export interface PullStatus {
  phase: 'waiting' | 'download' | 'fill' | 'verify'
  file?: string
  bytes: number
  bytes_total: number
  eta_sec?: number
}

/** How whoever gives the jobs was last found. */
export interface SourceContact {
  name: string
  /** Whether the last claim was answered; null before the first. */
  reachable: boolean | null
  /** When that was, ISO 8601. */
  at: string | null
  reason?: string
}

export interface Health {
  state: WorkerState
  version: string
  revision: string | null
  bundle: { name: string; version: string; id: string } | null
  engines: EngineStatus[]
  /** How far the bundle is that is being pulled. */
  pull?: PullStatus
  /** Absent where jobs come over HTTP only. */
  source?: SourceContact
  /** Why no result can be stored; absent where it can. */
  storage_problem?: string
}

/** What the HTTP server needs of the process. */
export interface AppOptions {
  jobs: JobQueue
  parse: Parse
  /** What a job would give. @throws JobError, the refusal */
  estimate(payload: unknown, signal: AbortSignal): Promise<Estimate>
  /** Files that were sent here for jobs to name. */
  uploads: UploadStore
  /** Largest JSON body. */
  maxBodyBytes: number
  health(): Health
  /** The text that Prometheus reads, and its content type. */
  metrics: { text(): Promise<string>; contentType: string }
  apiKey?: string
  /** Prefix of `/files/…` URLs; the request's own origin where unset. */
  publicBaseUrl?: string
  /** Origins whose pages may use this API. */
  corsOrigins?: readonly string[]
  /** Further names that browsers may know this worker by. */
  allowedHosts?: readonly string[]
  /** Folder behind `/files/`, where results go to a directory. */
  files?: string
  workerId: string
  gpuClass: string
  /** Refuses an address that leads inside. @throws InputError BLOCKED_URL; the signal's reason */
  assertPublicUrl(url: string, signal: AbortSignal): Promise<void>
  /** Told of every job that `/generate` takes, for an orchestrator that wants to watch. */
  onAccepted?: (job: Job) => void
  /** For what other APIs call when a job has ended. */
  webhooks: Pick<Webhooks, 'call'>
  log: Log
}
