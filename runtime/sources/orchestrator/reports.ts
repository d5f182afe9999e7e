import type { Log } from '../../../handler/log.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { legacyMetrics, LEGACY_STAGE_NAMES } from '../../jobs/legacy-metrics.ts'
import { isOk, toNetworkError, type OrchestratorClient, type Reply } from './client.ts'
import type { CompletedLease, LeaseRef } from '../job-source.ts'

const PROGRESS_MS = 5_000
const COMPLETION_MS = 10_000
const MAX_ERROR = 10_000
const MAX_REFUSAL = 500
/** No deployment takes so long: a refusal that is not clearly the orchestrator's own is believed then. */
const UNCLEAR_MS = 3_600_000

const REVOKED = [404, 409, 410]

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
  const reply = await api.post(progressPath(id), body, { timeoutMs: PROGRESS_MS }, signal)
  if (REVOKED.includes(reply.status) && isOwnRefusal(reply)) return 'revoked'
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

/**
 * Tells outcomes, and says which answers end the telling.
 * @param isWell whether the server takes heartbeats
 */
export function createResultDelivery(
  api: OrchestratorClient,
  isWell: () => boolean,
  log: Log,
  now = () => performance.now(),
) {
  const unclearSince = new Map<string, number>()

  return async (id: string, path: string, body: object, signal: AbortSignal) => {
    const reply = await api.post(path, body, { timeoutMs: COMPLETION_MS }, signal)
    const verdict = verdictOf(path, reply)
    if (!verdict) throw toNetworkError(reply, 'report')
    unclearSince.delete(path)
    if (verdict === 'refused') log.warn('report.refused', { job: id, ...rejectionDetails(reply) })
    return verdict
  }

  function verdictOf(path: string, reply: Reply): 'delivered' | 'refused' | undefined {
    const { status } = reply
    if (isOk(status)) return 'delivered'
    if (status < 400 || status >= 500 || MAY_CHANGE.includes(status)) return undefined
    return isOwnRefusal(reply) || isBelieved(path) ? 'refused' : undefined
  }

  function isBelieved(path: string): boolean {
    const since = unclearSince.get(path) ?? now()
    unclearSince.set(path, since)
    return now() - since >= UNCLEAR_MS && isWell()
  }
}

/** A key can be corrected, and a server be less busy; what else is wrong would be wrong for ever. */
const MAY_CHANGE = [401, 403, 408, 425, 429]

/** Why, in the server's words: nobody else will ever say it. */
const rejectionDetails = ({ status, json }: Reply) => ({
  status,
  answer: JSON.stringify(json ?? null).slice(0, MAX_REFUSAL),
})

/** What a framework answers of itself where a path is not there, as while half of a service is deployed. */
const FRAMEWORK_DETAILS: readonly unknown[] = ['', 'Not Found', 'Method Not Allowed']

/**
 * Whether it is the orchestrator that refuses, in the shape of its errors: JSON with a `detail`. While it
 * is deployed others answer in its place, with pages, with texts, or with JSON of their own: Kong's and
 * API Gateway's `message`, Spring's `path`, a problem document (RFC 9457) with its `title`.
 */
function isOwnRefusal({ json }: Reply): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false
  const { detail } = json as { detail?: unknown }
  if (detail === undefined || detail === null || FRAMEWORK_DETAILS.includes(detail)) return false
  return !('title' in json || 'instance' in json)
}
