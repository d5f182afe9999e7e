import { backoff, pauseFor } from '../../handler/net/retry.ts'
import { NetworkError } from '../../handler/net/network-error.ts'
import type { Backoff } from '../../handler/net/timeouts.ts'
import type { Stop } from '../shutdown.ts'
import { runLease, type Leased, type LeaseOptions } from './leased-job.ts'
import type { Held, Lease } from './job-source.ts'

/** A server in its deployment is asked again and again, not given up. */
const CLAIMS: Backoff = { tries: Infinity, firstMs: 1_000, maxMs: 30_000 }
/** With so many outcomes unheard, the giver has worse troubles than a lack of workers. */
const MOST_UNHEARD = 10
/** How often it is looked whether jobs that came by HTTP have left room. */
const LOOK_MS = 1_000

export interface LoopOptions extends Omit<LeaseOptions, 'changed'> {
  /** Jobs at a time, and renders at a time. */
  slots: number
  engines: number
  /** Whether anything can be rendered at all. */
  able(): boolean
  /** Told of all jobs that are ours, and of those whose outcome is unheard, when that has changed. */
  holding(held: readonly Held[]): void
  stop: Stop
  patience?: Backoff
}

/**
 * Claim, run, report, until the worker stops and what it holds is done. At most one job is claimed
 * ahead of those that render: it downloads meanwhile, but is not kept from idle workers.
 */
export async function pullUntilStopped(options: LoopOptions): Promise<void> {
  const { source, jobs, slots, engines, outbox, stop, log, patience = CLAIMS } = options
  const { soon } = stop
  const leases = new Map<string, Leased>()
  let tries = backoff(patience)
  let waker = new AbortController()

  function changed(): void {
    // An outcome is in the outbox a moment before its lease is gone.
    const held = new Map([...leases].map(([id, lease]) => [id, lease.held]))
    for (const completion of outbox.list()) held.set(completion.held.id, completion.held)
    options.holding([...held.values()])
    waker.abort()
  }

  /** How many jobs can be taken now. */
  function room(): number {
    if (!options.able() || outbox.list().length >= MOST_UNHEARD) return 0
    const rendering = [...leases.values()].filter(({ renders }) => renders).length
    const ahead = leases.size - rendering
    const { queued, running } = jobs.counts()
    const free = slots - Math.max(leases.size, queued + running)
    return Math.min(free, Math.max(1, engines - rendering) - ahead)
  }

  async function claim(): Promise<void> {
    try {
      const held = [...leases.values()].map((lease) => lease.held)
      const given = await source.claim(room(), held, soon)
      for (const lease of given) take(lease)
      tries = backoff(patience)
      if (given.length === 0) await idle(source.pollMs * (0.8 + 0.4 * Math.random()))
    } catch (error) {
      if (soon.aborted) return
      log('claim.failed', { tries: tries.count, reason: (error as Error).message })
      const afterMs = error instanceof NetworkError ? error.afterMs : undefined
      await tries.pause(error, soon, afterMs).catch(() => {})
    }
  }

  /** Nothing is awaited between the answer and here: from now on the job is ours. */
  function take(lease: Lease): void {
    const { id } = lease
    const unheard = outbox.list().find((completion) => completion.held.id === id)
    if (leases.has(id)) return log('claim.twice', { job: id })
    // Its end is being told already; doing it again would tell another one.
    if (unheard?.outcome.status === 'succeeded') return log('claim.done', { job: id })
    log('claim.taken', { job: id, held: leases.size })
    const leased = runLease(lease, { ...options, changed })
    leases.set(id, leased)
    void leased.done.then(() => {
      leases.delete(id)
      changed()
    })
    changed()
  }

  async function idle(ms: number): Promise<void> {
    waker = new AbortController()
    await pauseFor(ms, AbortSignal.any([waker.signal, soon])).catch(() => {})
  }

  async function obeyStops(over: AbortSignal): Promise<void> {
    for await (const id of source.stops?.(over) ?? []) leases.get(id)?.giveUp()
  }

  const over = new AbortController()
  const obeying = obeyStops(over.signal)
  outbox.watch(changed)
  changed()
  while (!soon.aborted) {
    if (room() > 0) await claim()
    else await idle(LOOK_MS)
  }
  while (leases.size > 0) await Promise.all([...leases.values()].map(({ done }) => done))
  over.abort()
  await obeying
}
