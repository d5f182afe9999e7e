import { delayAbort } from '../../../handler/net/retry.ts'
import { JobSchema } from '../../../handler/job/job-schema.ts'
import type { Log } from '../../../handler/log.ts'
import { isOk, toNetworkError, type OrchestratorClient, type Reply } from './client.ts'
import { outcomeBody, createResultDelivery, progressPath, reportProgress } from './reports.ts'
import type { Lease, WorkerStatus, Source } from '../job-source.ts'
import type { SystemInfo } from '../system-info.ts'

/** What reports and heartbeats say of this worker. */
export interface WorkerInfo {
  workerId: string
  gpuClass: string
  configLabel: string
  batchSize: number | null
  /** Program and weights, for "which image is this worker running?". */
  about(): { version: string; revision: string | null; bundle: string | null }
  system(): SystemInfo
}

/** A row may hold boxes of half an hour's frames, and columns that are none of ours. */
export const CLAIM_LIMITS = { timeoutMs: 15_000, maxBytes: 64 * 2 ** 20 }
const LAST_TRY_MS = 3_000
/** Well under the 30 s after which an orchestrator takes a worker for dead, even with one beat lost. */
const HEARTBEAT = { everyMs: 10_000, timeoutMs: 5_000 }

export interface OrchestratorOptions {
  api: OrchestratorClient
  info: WorkerInfo
  workerType: string
  provider: string
  pollMs: number
  log: Log
}

/** The orchestrator of docs/legacy-worker.md. */
export function orchestrator({ api, info, ...rest }: OrchestratorOptions): Source {
  const { workerId, gpuClass } = info
  const { workerType, provider, pollMs, log } = rest
  const tag = reportTag(info)
  const graceful = createGracefulSignal()
  let isHealthy = false
  const deliver = createResultDelivery(api, () => isHealthy, log)
  return {
    ...{ name: 'orchestrator', workerId, pollMs, reportsInterrupted: true, heartbeat: HEARTBEAT },
    async claim(_capacity, _held, signal) {
      const own = { worker_id: workerId, worker_type: workerType, gpu_class: gpuClass }
      const ask = { ...own, ...info.about() }
      return parseClaim(
        await api.post('/internal/main/jobs/claim', ask, CLAIM_LIMITS, graceful(signal)),
      )
    },
    progress: (held, event, signal) => reportProgress(api, held, event, tag, signal),
    deliver: (completion, signal) => {
      const { held, outcome } = completion
      const { phase, progress } =
        outcome.status === 'succeeded'
          ? { phase: 'completed', progress: 1 }
          : { phase: 'failed', progress: outcome.progress }
      const body = { ...outcomeBody(completion, gpuClass), phase, progress, ...tag }
      return deliver(held.id, progressPath(held.id), body, graceful(signal))
    },
    heartbeatRequest(status) {
      const path = `/internal/main/workers/${encodeURIComponent(workerId)}/heartbeat`
      const body = { ...heartbeatBody(status, info), provider, worker_type: workerType }
      return { method: 'POST', ...api.request(path, body) }
    },
    onHeartbeatResponse: (status) => (isHealthy = status !== undefined && status < 300),
  }
}

/**
 * What is underway is not given up at once. When the worker stops, the answer to a claim may hold a job, which
 * would wait for the end of its lease. And a failure whose job is handed out again while it is told would be
 * underway, unseen, and end the next attempt where it is heard after that one's first words.
 * One signal for all requests, because each would leave a listener behind.
 */
export function createGracefulSignal(): (signal: AbortSignal) => AbortSignal {
  const known = new WeakMap<AbortSignal, AbortSignal>()
  return (signal) => {
    const late = known.get(signal) ?? delayAbort(signal, LAST_TRY_MS)
    known.set(signal, late)
    return late
  }
}

export const reportTag = ({ workerId, configLabel, batchSize }: WorkerInfo) => ({
  worker_id: workerId,
  config_label: configLabel,
  batch_size: batchSize,
})

export function heartbeatBody({ held, ready, broken }: WorkerStatus, info: WorkerInfo) {
  return {
    status: held.length > 0 ? 'busy' : 'idle',
    current_job_id: held[0]?.id ?? null,
    current_job_ids: [...new Set(held.map(({ id }) => id))],
    gpu_class: info.gpuClass,
    system_info: info.system(),
    ...{ ready, error: broken ?? null, ...info.about() },
  }
}

/**
 * What an answer to a claim gives: mostly nothing or one job. Whatever has a name is ours, if only to be
 * failed by it: nobody else will, and its lease would be given out again and again.
 * @throws NetworkError where the answer is no answer to a claim
 */
export function parseClaim(reply: Reply): Lease[] {
  const { status, json, start } = reply
  if (status === 204) return []
  if (isOk(status) && start !== undefined) return [leaseOfCutRow(start, reply)]
  if (!isOk(status) || typeof json !== 'object' || json === null)
    throw toNetworkError(reply, 'answer to a claim')
  const { job } = json as { job?: unknown }
  if (job === undefined || job === null || job === false) return []
  return (Array.isArray(job) ? job : [job]).map((row: unknown) => leaseOfRow(row, reply))
}

function leaseOfRow(row: unknown, reply: Reply): Lease {
  const { musetalk_job_id, buffer_job_id } = Object(row) as Record<string, unknown>
  const [id, ref] = [nameOf(musetalk_job_id), nameOf(buffer_job_id)]
  if (id !== undefined) {
    const payload = { ...pickJobFields(row as object), musetalk_job_id: id }
    return { id, payload, ...(ref !== undefined && { ref }) }
  }
  if (ref === undefined) throw toNetworkError(reply, 'job with a musetalk_job_id')
  return { id: ref, ref, payload: undefined, inputError: 'the claim has no musetalk_job_id' }
}

/** A row that is too large to be read is failed by its name, where it begins with that. */
function leaseOfCutRow(start: string, reply: Reply): Lease {
  const find = (name: string) =>
    new RegExp(`"${name}"\\s*:\\s*(?:"((?:[^"\\\\]|\\\\.)+)"|(\\d+))`)
      .exec(start)
      ?.slice(1)
      .find(Boolean)
  const [id, ref] = [find('musetalk_job_id'), find('buffer_job_id')]
  const name = id ?? ref
  if (name === undefined) throw toNetworkError(reply, 'claim of a size that can be read')
  const inputError = `the claim is larger than ${CLAIM_LIMITS.maxBytes} bytes`
  return { id: name, ...(ref !== undefined && { ref }), payload: undefined, inputError }
}

/** Some orchestrators count their jobs, others name them. One half of a character has no form in a URL. */
const nameOf = (value: unknown): string | undefined =>
  typeof value === 'number' || (typeof value === 'string' && value)
    ? String(value).toWellFormed()
    : undefined

/**
 * An orchestrator's row of a job has more columns than a job has fields, and some without a value.
 * An `id` among them is the row's, not the job's.
 */
function pickJobFields(job: object): Record<string, unknown> {
  const fields = Object.entries(job).filter(
    ([name, value]) => Object.hasOwn(JobSchema.entries, name) && name !== 'id' && value !== null,
  )
  return Object.fromEntries(fields)
}
