import { randomUUID } from 'node:crypto'
import { retry, sleep, parseRetryAfter } from '../net/retry.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import { isRetryableStatus, NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../net/timeouts.ts'
import type { Log } from '../log.ts'
import type { EventListener } from './event-emitter.ts'
import type { JobEvent } from './job-events.ts'
import { signWebhook } from './webhook-signature.ts'

export interface WebhookTarget {
  url: string
  /** Types that are wanted; all where unset. */
  events?: readonly JobEvent['type'][] | undefined
}

/** Posts jobs' events to the addresses that the jobs named. */
export interface Webhooks {
  /** A sink that returns at once and never throws; what became of the events is logged. */
  to(target: WebhookTarget, log: Log): EventListener
  /** Resolves when all that was taken is delivered or given up, or the signal has ended it. */
  drain(signal: AbortSignal): Promise<void>
}

export interface WebhookOptions {
  fetch: GuardedFetch
  /** Signs every event with each of these; unsigned where empty. */
  keys?: readonly Buffer[]
  timeouts?: Timeouts
  /** Milliseconds between two progress events of one job. */
  intervalMs?: number
}

/**
 * Each job has its own queue: in order, one request at a time, only the latest of the progress that
 * waits. Progress gets one try, the final event many.
 */
export function createWebhookSender(options: WebhookOptions): Webhooks {
  const { fetch, keys = [], timeouts = DEFAULT_TIMEOUTS, intervalMs = 1000 } = options
  const stop = new AbortController()
  const working = new Set<Promise<void>>()

  const to = ({ url, events }: WebhookTarget, log: Log): EventListener => {
    const waiting: JobEvent[] = []
    let wake = new AbortController()
    let running = false
    let unsubscribed = false // the receiver said so

    // Nothing in here may throw: nobody awaits it but drain().
    const drainQueue = async () => {
      for (let event; (event = waiting.shift());) {
        if (unsubscribed) continue
        const sent = performance.now()
        unsubscribed = await deliver(url, event, log)
        if (event.type !== 'job.progress' || waiting.some(isFinal)) continue
        wake = new AbortController()
        const left = Math.max(0, intervalMs - (performance.now() - sent))
        await sleep(left, AbortSignal.any([wake.signal, stop.signal])).catch(() => {})
      }
      running = false
    }
    return (event) => {
      if (events !== undefined && !events.includes(event.type)) return
      const last = waiting.at(-1)
      if (last?.type === 'job.progress') waiting.pop() // the newer one says more
      waiting.push(event)
      if (isFinal(event)) wake.abort()
      if (running) return
      running = true
      const job = drainQueue().finally(() => working.delete(job))
      working.add(job)
    }
  }

  /** @returns whether the receiver wants no more */
  async function deliver(url: string, event: JobEvent, log: Log): Promise<boolean> {
    const { type, at: timestamp, seq } = event
    const body = JSON.stringify({ type, timestamp, data: event })
    const id = `msg_${randomUUID()}` // of the event: the same in every try
    const policy = isFinal(event) ? timeouts.webhook : { ...timeouts.webhook, tries: 1 }
    let tries = 0
    const send = (attempt: number) => {
      tries = attempt
      return post(url, id, body)
    }
    try {
      await retry(send, policy, stop.signal)
      if (type === 'job.progress') log.debug('webhook.progress', { type, seq, tries })
      else log.info('webhook.sent', { type, seq, tries })
      return false
    } catch (error) {
      const reason = stop.signal.aborted ? 'the worker stopped' : (error as Error).message
      log.warn('webhook.failed', { type, seq, tries, reason })
      return error instanceof NetworkError && error.status === GONE
    }
  }

  async function post(url: string, id: string, body: string): Promise<void> {
    const timestamp = Math.floor(Date.now() / 1000) // of this try
    const late = AbortSignal.timeout(timeouts.headersMs)
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'musetalk-worker',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          ...(keys.length > 0 && { 'webhook-signature': signWebhook(keys, id, timestamp, body) }),
        },
        body,
        signal: AbortSignal.any([stop.signal, late]),
      })
      await answer.discard()
      const { status, headers } = answer
      if (status >= 200 && status < 300) return
      throw new NetworkError(`answered with status ${status}`, {
        ...{ status, permanent: !isRetryableStatus(status) },
        retryAfterMs: parseRetryAfter(headers['retry-after']),
      })
    } catch (error) {
      if (late.aborted) throw new NetworkError('did not answer in time', { cause: error })
      throw error
    }
  }

  return {
    to,
    async drain(signal) {
      const abort = () => stop.abort()
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
      while (working.size > 0) await Promise.all(working)
      signal.removeEventListener('abort', abort)
    },
  }
}

const GONE = 410
const isFinal = ({ status }: JobEvent): boolean => status !== 'running'
