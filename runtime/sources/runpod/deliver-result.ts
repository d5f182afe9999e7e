import { isRetryableStatus, NetworkError } from '../../../handler/net/network-error.ts'
import type { Log } from '../../../handler/log.ts'
import type { Reporter } from '../../runpod/error.ts'
import type { CompletedLease } from '../job-source.ts'
import { resultBody, maxResultBytes, tooLargeBody, toJobOutput } from './payloads.ts'
import { toNetworkError, type Client } from './client.ts'
import type { Urls } from './url-templates.ts'

export interface OutcomeOptions {
  client: Client
  urls: Urls
  worker: Reporter
  /** Whether the platform is asked to reset this worker after each job. */
  refresh: boolean
  /** How long an outcome is sent in vain; default 5 minutes. */
  deadlineMs?: number
  log: Log
}

type DeliveryStatus = 'delivered' | 'refused'

const DELIVERY_DEADLINE_MS = 5 * 60_000
const POST_MS = 60_000
const MIN_BYTES_PER_MS = 100 // bytes per millisecond
const TOO_LARGE = [400, 413]

/**
 * Delivers outcomes to the platform, one try at a time (runpod-python rp_http.py). A result that it does not take is
 * reported as a failure, because a job without an outcome hangs until the platform gives it up.
 */
export function createResultDelivery(options: OutcomeOptions) {
  const { client, urls, worker, refresh, log, deadlineMs = DELIVERY_DEADLINE_MS } = options
  const begun = new Map<string, number>()

  /** @returns the status; @throws NetworkError where another try may help */
  async function post(id: string, body: string, signal: AbortSignal): Promise<number> {
    const ms = POST_MS + Math.ceil(Buffer.byteLength(body) / MIN_BYTES_PER_MS)
    const reply = await client.post(urls.done(id), id, body, ms, signal)
    const { status } = reply
    // A key can be corrected, whoever redirects a post knows another place for it, and a 404 may be that of
    // a gateway whose service is being replaced.
    const mayChange = [401, 403, 404].includes(status) || (status >= 300 && status < 400)
    if (isRetryableStatus(status) || mayChange) throw toNetworkError(reply)
    return status
  }

  async function deliverOnce(
    completion: CompletedLease,
    signal: AbortSignal,
  ): Promise<DeliveryStatus> {
    const { outcome } = completion
    const { id } = completion.held
    const whole = resultBody({ ...toJobOutput(outcome, worker), stopPod: refresh })
    const bytes = Buffer.byteLength(whole)
    const most = maxResultBytes(id)
    const fits = bytes <= most
    const body = fits
      ? whole
      : tooLargeBody(bytes, `are more than the ${most} that the queue takes`)
    let status = await post(id, body, signal)
    if (TOO_LARGE.includes(status) && fits && outcome.status === 'succeeded') {
      log.warn('outcome.too_large', { job: id, bytes, status })
      status = await post(id, tooLargeBody(bytes, `were refused with status ${status}`), signal)
    }
    return status < 300 ? 'delivered' : 'refused'
  }

  /** @throws NetworkError where another try may help and the time for it is not over */
  return async (completion: CompletedLease, signal: AbortSignal): Promise<DeliveryStatus> => {
    const { id } = completion.held
    const since = begun.get(id) ?? performance.now()
    begun.set(id, since)
    try {
      const verdict = await deliverOnce(completion, signal)
      begun.delete(id)
      return verdict
    } catch (error) {
      const inTime = performance.now() - since < deadlineMs
      if (signal.aborted || !inTime) begun.delete(id)
      if (signal.aborted || inTime) throw error
      const status = (error instanceof NetworkError && error.status) || null
      const bytes = Buffer.byteLength(JSON.stringify(completion.outcome))
      log.error('outcome.given_up', { job: id, bytes, status, after_s: deadlineMs / 1000 })
      return 'refused'
    }
  }
}
