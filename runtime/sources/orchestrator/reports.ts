import type { Log } from '../../../handler/log.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { legacyMetrics, LEGACY_STAGE_NAMES } from '../../jobs/legacy-metrics.ts'
import { isOk, toNetworkError, type OrchestratorClient, type Reply } from './client.ts'
import type { CompletedLease, LeaseRef } from '../job-source.ts'

const PROGRESS_MS = 5_000
const COMPLETION_MS = 10_000
const MAX_ERROR = 10_000
const MAX_REFUSAL = 500
/** So many 404s that do not speak of the job are believed, from a server that is well otherwise. */
const UNCLEAR_404S = 3

export interface ReportTag {
  worker_id: string
  config_label: string
  batch_size: number | null
}

/** How far a job is, in the words of docs/legacy-worker.md. */
export async function reportProgress(
  api: OrchestratorClient,
  { id }: LeaseRef,
  { status, phase, progress, metrics }: JobEvent,
  tag: ReportTag,
  signal: AbortSignal,
): Promise<'accepted' | 'revoked'> {
  const body = { status, phase, progress, metrics, ...tag }
  const reply = await api.post(progressPath(id), body, PROGRESS_MS, signal)
  if (reply.status === 409 || reply.status === 410) return 'revoked'
  if (reply.status === 404 && isJobError(reply)) return 'revoked'
  if (isOk(reply.status)) return 'accepted'
  throw toNetworkError(reply, 'report')
}

export const progressPath = (id: string): string =>
  `/internal/jobs/${encodeURIComponent(id)}/progress`

/** An outcome in the legacy worker's words; what it did not know is added behind them. */
export function outcomeBody({ outcome }: CompletedLease, gpuClass: string) {
  if (outcome.status === 'succeeded') {
    const { result } = outcome
    return {
      status: 'succeeded',
      output_url: result.output_url,
      metrics: legacyMetrics(result, gpuClass),
      error: null,
      result,
    }
  }
  const { code, message, stage, retryable } = outcome.error
  return {
    status: 'failed',
    error: `${code}: ${message}`.slice(0, MAX_ERROR),
    ...{ error_code: code, retryable, stage: LEGACY_STAGE_NAMES[stage ?? ''] ?? 'unknown' },
  }
}

/** Delivers outcomes, and says which answers end the tries. */
export function createResultDelivery(api: OrchestratorClient, isWell: () => boolean, log: Log) {
  const unclear = new Map<string, number>()

  return async (id: string, path: string, body: object, signal: AbortSignal) => {
    const reply = await api.post(path, body, COMPLETION_MS, signal)
    const verdict = verdictOf(id, reply)
    if (!verdict) throw toNetworkError(reply, 'report')
    unclear.delete(id)
    if (verdict === 'refused') log.warn('report.refused', { job: id, ...rejectionDetails(reply) })
    return verdict
  }

  function verdictOf(id: string, reply: Reply): 'delivered' | 'refused' | undefined {
    const { status } = reply
    if (isOk(status)) return 'delivered'
    if (status === 404) return isUnknown(id, reply) ? 'refused' : undefined
    // A key can be corrected; what else is wrong with the request would be wrong for ever.
    const mayChange = status === 401 || status === 403 || status === 408 || status === 425
    return status >= 400 && status < 500 && !mayChange && status !== 429 ? 'refused' : undefined
  }

  function isUnknown(id: string, reply: Reply): boolean {
    const count = (unclear.get(id) ?? 0) + 1
    unclear.set(id, count)
    return isJobError(reply) || (count >= UNCLEAR_404S && isWell())
  }
}

/** Why, in the server's words: nobody else will ever say it. */
const rejectionDetails = ({ status, json }: Reply) => ({
  status,
  answer: JSON.stringify(json ?? null).slice(0, MAX_REFUSAL),
})

/** A server that is being deployed answers 404 to everything, and that is no word about the job. */
function isJobError({ json }: Reply): boolean {
  const { detail } = Object(json) as { detail?: unknown }
  return typeof json === 'object' && json !== null && detail !== 'Not Found'
}
