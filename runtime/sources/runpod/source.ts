import { once } from 'node:events'
import type { Log } from '../../../handler/log.ts'
import type { Reporter } from '../../runpod/error.ts'
import type { LeaseRef, Source } from '../job-source.ts'
import { progressBody } from './payloads.ts'
import { createClaimer } from './claim.ts'
import { toNetworkError, type Client } from './client.ts'
import { createResultDelivery } from './deliver-result.ts'
import { cancellations } from './cancellations.ts'
import type { Urls } from './url-templates.ts'

export interface RunpodOptions {
  client: Client
  urls: Urls
  worker: Reporter
  /** Milliseconds between two pings. */
  everyMs: number
  /** Whether the platform is asked to reset this worker after each job. */
  refresh: boolean
  /** Called when the platform did not stop a worker that asked for it. */
  terminate(): void
  /** Called when nothing can be rendered here and no outcome is waited for any more. */
  unfit(reason: string): void
  log: Log
  /** How long a worker waits to be stopped; default 30 s. */
  terminateAfterMs?: number
  /** How long an outcome is sent in vain; default 5 minutes. */
  deadlineMs?: number
}

const PROGRESS_MS = 5_000
const TERMINATE_AFTER_MS = 30_000

/** RunPod's queue, as its own SDK speaks to it. @see runpod-python 1.12 runpod/serverless/ */
export function runpodQueue(options: RunpodOptions): Source {
  const {
    client,
    urls,
    worker,
    everyMs,
    refresh,
    log,
    terminateAfterMs = TERMINATE_AFTER_MS,
  } = options
  const claims = createClaimer(client, urls, log)
  const deliver = createResultDelivery(options)
  const runpod_version = `musetalk-worker/${worker.version}`
  let draining = false
  let unfit = false

  return {
    ...{ name: 'runpod', workerId: worker.id },
    get pollMs() {
      return claims.pauseMs
    },
    // It would take the message for the end of a job that it is about to give to another worker.
    reportsInterrupted: false,
    heartbeat: { everyMs, timeoutMs: 2 * everyMs },
    async claim(capacity, held, signal) {
      if (!draining && !unfit) return claims.claim(capacity, held.length > 0, signal)
      if (!signal.aborted) await once(signal, 'abort')
      throw signal.reason
    },
    async progress({ id }, event, signal) {
      // The first event says nothing that the one right behind it does not.
      if (event.type === 'job.started') return 'accepted'
      const body = progressBody(event)
      const reply = await client.post(urls.done(id), id, body, PROGRESS_MS, signal)
      if (reply.status >= 300) throw toNetworkError(reply)
      return 'accepted'
    },
    async deliver(completion, signal) {
      // What is taken from now on could be killed with this worker.
      draining ||= refresh
      const verdict = await deliver(completion, signal)
      if (refresh) setTimeout(options.terminate, terminateAfterMs).unref()
      return verdict
    },
    heartbeatRequest({ held, broken }) {
      if (broken !== undefined && held.length === 0 && !unfit) {
        unfit = true
        options.unfit(broken)
      }
      const url = urls.ping?.({ job_id: idsOf(held), runpod_version })
      return url === undefined ? undefined : { method: 'GET', url, headers: client.headers }
    },
    cancellations: (signal) => cancellations(client, urls.stop, log, signal),
  }
}

/** A job whose outcome has just been put down is held twice for a moment. */
const idsOf = (held: readonly LeaseRef[]): string =>
  [...new Set(held.map(({ id }) => id))].join(',')
