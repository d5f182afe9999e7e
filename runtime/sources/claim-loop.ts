import { createRetry, sleep } from '../../handler/net/retry.ts'
import { NetworkError } from '../../handler/net/network-error.ts'
import type { RetryPolicy } from '../../handler/net/timeouts.ts'
import type { Shutdown } from '../shutdown.ts'
import { runLeasedJob, type LeasedJob, type LeaseOptions } from './leased-job.ts'
import { leaseKey, refOf, type LeaseRef, type Lease } from './job-source.ts'

/** A server in its deployment is asked again and again, not given up. */
const CLAIMS: RetryPolicy = { tries: Infinity, firstMs: 1_000, maxMs: 30_000 }
/** With so many outcomes undelivered, the source has worse troubles than a lack of workers. */
const MAX_UNDELIVERED = 10
/** How often it is looked whether jobs that came by HTTP have left room. */
const RECHECK_MS = 1_000

export interface LoopOptions extends Omit<LeaseOptions, 'changed' | 'before'> {
  /** Jobs at a time, and renders at a time. */
  slots: number
  engines: number
  /** Whether anything can be rendered at all. */
  canRender(): boolean
  /** Told of all jobs that are ours, and of those whose outcome is undelivered, when that has changed. */
  onLeasesChanged(held: readonly LeaseRef[]): void
  /** Told after every claim why it failed, or nothing where it was answered. */
  onContact?: ((problem?: string) => void) | undefined
  stop: Shutdown
  policy?: RetryPolicy
}

/**
 * Claim, run, report, until the worker stops and what it holds is done. At most one job is claimed
 * ahead of those that render: it downloads meanwhile, but is not kept from idle workers.
 *
 *   full     → claiming   a lease has ended, or jobs that came by HTTP have left room
 *   claiming → claiming   jobs were given
 *   claiming → full       no room, nothing can be rendered, or too many outcomes undelivered
 *   claiming → pausing    no job: the source's pace; a failure: longer each time, or as it asks
 *   pausing  → claiming   the pause is over, or the leases have changed
 *   any      → draining   shutdown: claims nothing more, waits for the leases
 *   draining → (end)      the last lease has ended
 *
 * A lease: claimed → (journal) → queued, rendering → outcome in the outbox → gone; or abandoned where
 * its source has revoked it, and then nothing is reported.
 */
export async function runClaimLoop(options: LoopOptions): Promise<void> {
  const { source, jobs, slots, engines, outbox, stop, log, policy = CLAIMS } = options
  const { draining } = stop
  const leases = new Map<string, LeasedJob>()
  let tries = createRetry(policy)
  let wake = new AbortController()

  function changed(): void {
    // An outcome is in the outbox a moment before its lease is gone.
    const held = new Map(heldNow().map((one) => [leaseKey(one), one]))
    for (const completion of outbox.list()) held.set(leaseKey(completion.held), completion.held)
    options.onLeasesChanged([...held.values()])
    wake.abort()
  }

  const heldNow = () => [...leases.values()].flatMap((lease) => lease.held)

  /** How many jobs can be taken now. */
  function freeSlots(): number {
    if (!options.canRender() || outbox.list().length >= MAX_UNDELIVERED) return 0
    const rendering = [...leases.values()].filter(({ isRendering }) => isRendering).length
    const ahead = leases.size - rendering
    const { queued, running } = jobs.counts()
    const free = slots - Math.max(leases.size, queued + running)
    return Math.min(free, Math.max(1, engines - rendering) - ahead)
  }

  async function claim(): Promise<void> {
    try {
      const claimed = await source.claim(freeSlots(), heldNow(), draining)
      options.onContact?.()
      const begun = claimed.filter(accept)
      tries = createRetry(policy)
      if (begun.length === 0) await idle(source.pollMs * (0.8 + 0.4 * Math.random()))
    } catch (error) {
      if (draining.aborted) return
      options.onContact?.((error as Error).message)
      log.warn('claim.failed', { tries: tries.count, reason: (error as Error).message })
      const afterMs = error instanceof NetworkError ? error.retryAfterMs : undefined
      await tries.pause(error, draining, afterMs).catch(() => {})
    }
  }

  /**
   * Nothing is awaited between the answer and here: from now on the job is ours.
   * @returns false where there is nothing to do for it any more
   */
  function accept(lease: Lease): boolean {
    const { id } = lease
    const known = leases.get(id)
    if (known?.join(lease)) return false
    const undelivered = outbox.list().filter((completion) => completion.held.id === id)
    // Its end is being told already; doing it again would tell another one.
    const done = undelivered.find(({ outcome }) => outcome.status === 'succeeded')
    if (done) {
      log.info('claim.done', { job: id, ref: lease.ref ?? null })
      const isOld = undelivered.some(({ held }) => leaseKey(held) === leaseKey(lease))
      if (!isOld) void outbox.put({ ...done, held: refOf(lease) })
      return false
    }
    log.info('claim.taken', { job: id, held: leases.size })
    const leased = runLeasedJob(lease, { ...options, changed, before: known?.done })
    leases.set(id, leased)
    void leased.done.then(() => {
      if (leases.get(id) === leased) leases.delete(id)
      changed()
    })
    changed()
    return true
  }

  async function idle(ms: number): Promise<void> {
    wake = new AbortController()
    await sleep(ms, AbortSignal.any([wake.signal, draining])).catch(() => {})
  }

  async function handleCancellations(over: AbortSignal): Promise<void> {
    for await (const id of source.cancellations?.(over) ?? []) leases.get(id)?.abandon()
  }

  const over = new AbortController()
  const cancelling = handleCancellations(over.signal)
  outbox.watch(changed)
  changed()
  while (!draining.aborted) {
    if (freeSlots() > 0) await claim()
    else await idle(RECHECK_MS)
  }
  while (leases.size > 0) await Promise.all([...leases.values()].map(({ done }) => done))
  over.abort()
  await cancelling
}
