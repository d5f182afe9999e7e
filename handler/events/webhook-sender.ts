import { randomUUID } from 'node:crypto'
import { retry, sleep, parseRetryAfter } from '../net/retry.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import { isRetryableStatus, NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type RetryPolicy, type Timeouts } from '../net/timeouts.ts'
import { withLogFields, type Log } from '../log.ts'
import type { EventListener } from './event-emitter.ts'
import type { JobEvent } from './job-events.ts'
import { signWebhook } from './webhook-signature.ts'

export interface WebhookTarget {
  url: string
  /** Types that are wanted; all where unset. */
  events?: readonly JobEvent['type'][] | undefined
}

/** A final event or a callback on its way, with all that it takes to send it again. */
export interface PendingWebhook {
  /** The same in every try, of every life. */
  id: string
  url: string
  /** Of the event; the form of a callback. */
  type: string
  /** Absent from callbacks. */
  seq?: number | undefined
  job: string
  body: string
  /** W3C trace context, sent along. */
  traceparent?: string | undefined
}

/** What another API's clients are told once, when a job has ended, in place of events. */
export interface Callback {
  /** Whose form the body has. */
  form: string
  url: string
  job: string
  body: unknown
}

/** Keeps final events until they were taken, so that a next life sends what this one could not. */
export interface WebhookStore {
  /** Neither rejects. */
  put(event: PendingWebhook): Promise<void>
  remove(id: string): Promise<void>
}

/** Posts jobs' events to the addresses that the jobs named. */
export interface Webhooks {
  /** A sink that returns at once and never throws; what became of the events is logged. */
  to(target: WebhookTarget, log: Log, traceparent?: string): EventListener
  /** As safe as a final event. @param ended never rejects */
  call(ended: Promise<Callback>, log: Log): void
  /** Send what a former life has kept. */
  resume(pending: readonly PendingWebhook[], log: Log): void
  /** Resolves when all that was taken is delivered or given up, or the signal has ended it. */
  drain(signal: AbortSignal): Promise<void>
}

export interface WebhookOptions {
  fetch: GuardedFetch
  /** Signs every event with each of these; unsigned where empty. */
  keys?: readonly Buffer[]
  /** The headers that callbacks of a form have, by the text that is sent, in place of the signature. */
  callbackHeaders?: Readonly<Record<string, (body: string) => Record<string, string>>>
  timeouts?: Timeouts
  /** Milliseconds between two progress events of one job. */
  intervalMs?: number
  /** Final events are only in memory where unset. */
  store?: WebhookStore
  /** Waits for that; a test holds it. @throws the signal's reason */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Each job has its own queue: in order, one request at a time, only the latest of the progress that
 * waits. Progress gets one try, the final event many.
 */
export function createWebhookSender(options: WebhookOptions): Webhooks {
  const {
    fetch,
    keys = [],
    callbackHeaders = {},
    timeouts = DEFAULT_TIMEOUTS,
    intervalMs = 1000,
    pause = sleep,
    store,
  } = options
  const stop = new AbortController()
  const working = new Set<Promise<unknown>>()

  const to: Webhooks['to'] = ({ url, events }, log, traceparent) => {
    const waiting: JobEvent[] = []
    let wake = new AbortController()
    let running = false
    let unsubscribed = false // the receiver said so

    // Nothing in here may throw: nobody awaits it but drain().
    const drainQueue = async () => {
      for (let event; (event = waiting.shift());) {
        if (unsubscribed) continue
        const sent = performance.now()
        unsubscribed = await deliver({ url, traceparent }, event, log)
        if (event.type !== 'job.progress' || waiting.some(isFinal)) continue
        wake = new AbortController()
        const left = Math.max(0, intervalMs - (performance.now() - sent))
        await pause(left, AbortSignal.any([wake.signal, stop.signal])).catch(() => {})
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
      track(drainQueue())
    }
  }

  /** @returns whether the receiver wants no more */
  async function deliver(
    target: Pick<PendingWebhook, 'url' | 'traceparent'>,
    event: JobEvent,
    log: Log,
  ): Promise<boolean> {
    const { type, at: timestamp, seq, job_id: job } = event
    const body = JSON.stringify({ type, timestamp, data: event })
    const id = `msg_${randomUUID()}` // of the event: the same in every try
    const pending: PendingWebhook = { ...target, id, type, seq, job, body }
    if (!isFinal(event)) {
      return (await send(pending, { ...timeouts.webhook, tries: 1 }, log)) ?? false
    }
    return await keepAndSend(pending, log)
  }

  const call: Webhooks['call'] = (ended, log) => {
    const make = async () => {
      const { form: type, body, ...target } = await ended
      const id = `msg_${randomUUID()}`
      const named = withLogFields(log, { job: target.job })
      await keepAndSend({ ...target, id, type, body: JSON.stringify(body) }, named)
    }
    track(make())
  }

  async function keepAndSend(pending: PendingWebhook, log: Log): Promise<boolean> {
    await store?.put(pending)
    return sendStored(pending, log)
  }

  /** A final event is kept until it was taken or given up, and over the end of this process. */
  async function sendStored(pending: PendingWebhook, log: Log): Promise<boolean> {
    const isGone = await send(pending, timeouts.webhook, log)
    if (isGone !== undefined) await store?.remove(pending.id)
    return isGone ?? false
  }

  /** @returns whether the receiver wants no more; undefined where the worker's end has cut it short */
  async function send(
    event: PendingWebhook,
    policy: RetryPolicy,
    log: Log,
  ): Promise<boolean | undefined> {
    const { type, seq } = event
    let tries = 0
    const attempt = (count: number) => {
      tries = count
      return post(event)
    }
    try {
      await retry(attempt, policy, stop.signal)
      if (type === 'job.progress') log.debug('webhook.progress', { type, seq, tries })
      else log.info('webhook.sent', { type, seq, tries })
      return false
    } catch (error) {
      const isCut = stop.signal.aborted
      const reason = isCut ? 'the worker stopped' : (error as Error).message
      log.warn('webhook.failed', { type, seq, tries, reason, kept: isCut && store !== undefined })
      return isCut ? undefined : error instanceof NetworkError && error.status === GONE
    }
  }

  /** Of this try. */
  function headersOf({ id, type, seq, body }: PendingWebhook): Record<string, string> {
    if (seq === undefined) return callbackHeaders[type]?.(body) ?? {}
    const timestamp = Math.floor(Date.now() / 1000)
    return {
      ...{ 'webhook-id': id, 'webhook-timestamp': String(timestamp) },
      ...(keys.length > 0 && { 'webhook-signature': signWebhook(keys, id, timestamp, body) }),
    }
  }

  async function post(event: PendingWebhook): Promise<void> {
    const { url, body, traceparent } = event
    const late = AbortSignal.timeout(timeouts.headersMs)
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'musetalk-worker',
          ...headersOf(event),
          ...(traceparent !== undefined && { traceparent }),
        },
        body,
        signal: AbortSignal.any([stop.signal, late]),
      })
      await answer.discard()
      const { status, headers } = answer
      if (status >= 200 && status < 300) return
      throw new NetworkError(`answered with status ${status}`, {
        ...{ status, permanent: !isRetryableStatus(status) && status !== NOT_FOUND },
        retryAfterMs: parseRetryAfter(headers['retry-after']),
      })
    } catch (error) {
      if (late.aborted) throw new NetworkError('did not answer in time', { cause: error })
      throw error
    }
  }

  function track(work: Promise<unknown>): void {
    const job: Promise<unknown> = work.finally(() => working.delete(job))
    working.add(job)
  }

  return {
    to,
    call,
    resume(pending, log) {
      for (const event of pending) track(sendStored(event, withLogFields(log, { job: event.job })))
    },
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
/** It may be that of a gateway whose service is being replaced. */
const NOT_FOUND = 404
const isFinal = ({ status }: JobEvent): boolean => status !== 'running'
