import * as v from 'valibot'
import type { Log } from '../../../handler/log.ts'
import { toJobInput } from '../../runpod/envelope.ts'
import type { Lease } from '../job-source.ts'
import { SuspendedError, toNetworkError, type Client, type Reply } from './client.ts'
import type { Urls } from './url-templates.ts'

/** Asks the platform for jobs. @see runpod-python 1.12 runpod/serverless/modules/rp_job.py */
export interface Claimer {
  /** @throws NetworkError; the signal's reason */
  claim(capacity: number, busy: boolean, signal: AbortSignal): Promise<Lease[]>
  /** Pause after the latest answer, if it brought no job, in milliseconds. */
  readonly pauseMs: number
}

/** An empty answer that came sooner was not held, so the server does not set the pace. */
const QUICK_MS = 500
const PACE_MS = 750
const BUSY_MS = 5_000
/** What the loop may make of a pause, so that it is never shorter than the server wants. */
const MIN_JITTER = 0.8
const WARN_MS = 60_000
const BATCHLESS = [404, 405]
const STALE_CONNECTION_CODES = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']

const JobEnvelope = v.looseObject({
  id: v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.nonEmpty()),
  input: v.optional(v.unknown()),
})

export function createClaimer(client: Client, urls: Urls, log: Log): Claimer {
  let batch = urls.canBatch
  let pauseMs = 0
  let wasStale = false
  let warnedAt = -Infinity

  async function take(url: string, signal: AbortSignal): Promise<Reply | undefined> {
    try {
      const reply = await client.poll(url, signal)
      wasStale = false
      return reply
    } catch (error) {
      const again = !wasStale && isStale(error)
      wasStale = again
      // The connection had died while nobody used it, which says nothing about the server.
      if (!again || signal.aborted) throw error
      return client.poll(url, signal)
    }
  }

  /** @throws NetworkError where the answer says that something is wrong */
  function jobsOf(reply: Reply | undefined): Lease[] {
    if (!reply || reply.status === 204 || reply.status === 429) return []
    if (reply.status === 400) return [] // a worker that was frozen and goes on hears this
    if (reply.status >= 300) throw toNetworkError(reply)
    const leases = parseJobs(reply.type, reply.text, log)
    if (!leases && reply.text && performance.now() - warnedAt > WARN_MS) {
      warnedAt = performance.now()
      log.warn('take.unreadable', { type: reply.type, bytes: reply.text.length })
    }
    return leases ?? []
  }

  return {
    get pauseMs() {
      return pauseMs
    },
    async claim(capacity, busy, signal) {
      const count = batch ? capacity : 1
      const began = performance.now()
      const reply = await take(urls.take(count, busy), signal)
      pauseMs = performance.now() - began < QUICK_MS ? PACE_MS : 0
      if (reply?.status === 429) pauseMs = Math.max(BUSY_MS, reply.afterMs ?? 0) / MIN_JITTER
      if (count > 1 && reply && BATCHLESS.includes(reply.status)) {
        log.info('take.batchless', { status: reply.status })
        batch = false
        return []
      }
      return jobsOf(reply)
    },
  }
}

const isStale = (error: unknown): boolean =>
  error instanceof SuspendedError ||
  STALE_CONNECTION_CODES.includes((error as { cause?: { code?: string } }).cause?.code ?? '')

/**
 * The jobs in an answer to a take: one, or a list. One without a usable input is ours all the same,
 * to be failed: the platform would wait for it. What has no name cannot be answered for.
 *
 * @returns undefined where the answer holds no jobs at all
 */
function parseJobs(type: string, text: string, log: Log): Lease[] | undefined {
  const json = /^application\/json\b/.test(type) ? parse(text) : undefined
  if (typeof json !== 'object' || json === null) return undefined
  const jobs: unknown[] = Array.isArray(json) ? json : [json]
  return jobs.flatMap((job) => {
    const parsed = v.safeParse(JobEnvelope, job)
    if (!parsed.success) log.warn('take.nameless', { keys: Object.keys(Object(job)).slice(0, 20) })
    return parsed.success ? [leaseOf(parsed.output)] : []
  })
}

/** The platform itself calls the webhook that stands beside the input. */
function leaseOf({ id, input }: v.InferOutput<typeof JobEnvelope>): Lease {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  const isEmpty = input === undefined || input === null || (isObject && !Object.keys(input).length)
  return {
    id,
    payload: isObject ? toJobInput(input as Record<string, unknown>, id) : input,
    ...(isEmpty && { inputError: 'input is empty or missing' }),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
