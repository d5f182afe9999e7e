import { once } from 'node:events'
import * as v from 'valibot'
import { retry } from '../../handler/net/retry.ts'
import type { RetryPolicy } from '../../handler/net/timeouts.ts'
import type { Log } from '../../handler/log.ts'
import { openRecords } from './durable-records.ts'
import { leaseKey, type CompletedLease, type LeaseRef, type Source } from './job-source.ts'

/** An outcome is sent until it is accepted or refused, however long that takes. */
const UNTIL_DELIVERED: RetryPolicy = { tries: Infinity, firstMs: 1_000, maxMs: 60_000 }

const Id = v.object({ id: v.string(), ref: v.optional(v.string()) })
const Stored = v.object({
  held: Id,
  outcome: v.variant('status', [
    v.looseObject({ status: v.literal('succeeded'), result: v.looseObject({}) }),
    v.looseObject({ status: v.literal('failed'), error: v.looseObject({ code: v.string() }) }),
  ]),
  at: v.string(),
})

/**
 * Outcomes on their way: on disk before they are sent, until they were acknowledged.
 *
 *   (new)      → stored      put(); where the disk fails it is delivered all the same, unsafe
 *   (restart)  → stored      what a former life of this worker left
 *   stored     → delivering  at once
 *   delivering → delivering  it failed: again, longer apart each time, without end
 *   delivering → (gone)      delivered, or refused for good; removed from the disk
 *   any        → (gone)      discard(): the source wants the job done again
 *   any        → stored      the worker ends: the next life delivers it
 */
export interface Outbox extends AsyncDisposable {
  /** Those that are not delivered yet, the oldest first. */
  list(): CompletedLease[]
  /** Resolves when the outcome is safe; it is delivered in the background from then on. */
  put(completion: CompletedLease): Promise<void>
  /** An outcome that was overtaken: the source wants the job done again. */
  discard(held: LeaseRef): Promise<void>
  /** Have something called whenever `list()` has changed. */
  watch(changed: () => void): void
  /** Resolves when all were delivered or refused, or the signal aborts. */
  drained(signal: AbortSignal): Promise<void>
}

export interface OutboxOptions {
  dir: string
  deliver: Source['deliver']
  log: Log
  policy?: RetryPolicy
}

interface Delivery {
  completion: CompletedLease
  over: AbortController
  delivery: Promise<void>
}

/** What a former life of this worker left is delivered first. Disposing stops the delivery, not the keeping. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { dir, deliver, log, policy = UNTIL_DELIVERED } = options
  const records = await openRecords(dir, (json) =>
    v.is(Stored, json) ? (json as unknown as CompletedLease) : undefined,
  )
  const stop = new AbortController()
  let changed = () => {}
  const open = new Map<string, Delivery>()

  function startDelivery(completion: CompletedLease): void {
    const key = leaseKey(completion.held)
    const over = new AbortController()
    const signal = AbortSignal.any([stop.signal, over.signal])
    const entry = { completion, over, delivery: deliverWithRetry(completion, signal) }
    open.set(key, entry)
    entry.delivery = entry.delivery.finally(() => {
      if (stop.signal.aborted || open.get(key) !== entry) return
      open.delete(key)
      changed()
    })
    changed()
  }

  /** Never throws. */
  async function deliverWithRetry(completion: CompletedLease, signal: AbortSignal): Promise<void> {
    const { held: lease, outcome } = completion
    const about = { job: lease.id, status: outcome.status }
    const onFailure = (error: unknown, tries: number) =>
      log.warn('outcome.undelivered', { ...about, tries, reason: (error as Error).message })
    const send = async (tries: number) => ({ verdict: await deliver(completion, signal), tries })
    try {
      const isRetryable = () => true
      const { verdict, tries } = await retry(send, policy, signal, { isRetryable, onFailure })
      log[verdict === 'delivered' ? 'info' : 'warn'](`outcome.${verdict}`, { ...about, tries })
      await forget(lease)
    } catch {
      // Only the signal ends the tries.
    }
  }

  const forget = (held: LeaseRef) =>
    records
      .remove(leaseKey(held))
      .catch((error: Error) => log.warn('outbox.stuck', { reason: error.message }))

  for (const completion of await records.all()) startDelivery(completion)
  return {
    list: () => [...open.values()].map(({ completion }) => completion),
    async put(completion) {
      // On a full disk it is sent all the same; only a crash now could lose it.
      await records
        .put(leaseKey(completion.held), completion)
        .catch((error: Error) => log.warn('outbox.unsafe', { reason: error.message }))
      startDelivery(completion)
    },
    async discard(held) {
      const key = leaseKey(held)
      const entry = open.get(key)
      if (!entry) return
      open.delete(key)
      entry.over.abort()
      await entry.delivery
      await forget(held)
      changed()
    },
    watch: (run) => void (changed = run),
    async drained(signal) {
      if (signal.aborted) return
      const over = once(signal, 'abort')
      while (open.size > 0 && !signal.aborted) {
        await Promise.race([over, ...[...open.values()].map(({ delivery }) => delivery)])
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all([...open.values()].map(({ delivery }) => delivery))
    },
  }
}
