import { once } from 'node:events'
import { join } from 'node:path'
import * as v from 'valibot'
import { WorkerError } from '../../handler/errors.ts'
import type { Log } from '../../handler/log.ts'
import type { ProxySettings } from '../../handler/net/proxy.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { Shutdown } from '../shutdown.ts'
import { runClaimLoop } from './claim-loop.ts'
import { openOutbox, type Outbox } from './outbox.ts'
import { createHeartbeatScheduler } from './heartbeat/heartbeat-scheduler.ts'
import { openRecords, type DurableRecords } from './durable-records.ts'
import { leaseKey, type LeaseRef, type Outcome, type Source } from './job-source.ts'

export interface PullOptions {
  source: Source
  /** Folder that outlives the process. */
  dir: string
  jobs: JobQueue
  /** Jobs at a time, and renders at a time. */
  slots: number
  engines: number
  /** Why nothing can be rendered, if so. */
  broken(): string | undefined
  /** Resolves when the models are warm, or cannot be. */
  warm: Promise<unknown>
  origin: string
  /** For heartbeats, which a thread of their own sends. */
  proxy?: ProxySettings | undefined
  /** Told after every claim why it failed, or nothing where it was answered. */
  onContact?: ((problem?: string) => void) | undefined
  stop: Shutdown
  log: Log
}

/** What the outcomes of a former life may take, before it is asked for new jobs. */
const STARTUP_DELIVERY_MS = 5_000
/** What the last outcomes may take; those that are not delivered by then are kept for the next life. */
const SHUTDOWN_DELIVERY_MS = 10_000
const FORCED_DELIVERY_MS = 2_000

const LeaseRef = v.object({ id: v.string(), ref: v.optional(v.string()) })

/** Everything between a source of jobs and the store that runs them. */
export async function runPullWorker(options: PullOptions): Promise<void> {
  const { source, dir, stop, log, broken } = options
  let held: readonly LeaseRef[] = []
  let ready = false
  const workerStatus = () => {
    const reason = broken()
    return { held, ready, ...(reason !== undefined && { broken: reason }) }
  }
  await using heartbeat = createHeartbeatScheduler(source, workerStatus, log, options.proxy)
  await using outbox = await openOutbox({
    dir: join(dir, 'outbox'),
    deliver: source.deliver,
    log,
  })
  const journal = await openRecords(join(dir, 'held'), (json) =>
    v.is(LeaseRef, json) ? (json as LeaseRef) : undefined,
  )
  await reportInterruptedJobs(source, journal, outbox, log)
  const deadline = AbortSignal.any([stop.draining, AbortSignal.timeout(STARTUP_DELIVERY_MS)])
  // A worker that claims before it was ever heard of may be refused.
  await Promise.race([heartbeat.first, once(deadline, 'abort')])
  await outbox.drained(deadline)
  await options.warm
  ready = true
  log.info('pull.started', {
    source: source.name,
    worker: source.workerId,
    left: outbox.list().length,
  })
  await runClaimLoop({
    ...options,
    outbox,
    journal,
    canRender: () => broken() === undefined,
    onLeasesChanged(now) {
      const more = now.length !== held.length
      held = now
      heartbeat.refresh(more)
    },
  })
  await outbox.drained(
    AbortSignal.timeout(stop.aborted.aborted ? FORCED_DELIVERY_MS : SHUTDOWN_DELIVERY_MS),
  )
  log.info('pull.stopped', { undelivered: outbox.list().length })
}

/** The jobs that a former life of this worker had when it was killed. */
async function reportInterruptedJobs(
  source: Source,
  journal: DurableRecords<LeaseRef>,
  outbox: Outbox,
  log: Log,
): Promise<void> {
  for (const held of await journal.all()) {
    const told = outbox.list().filter((completion) => completion.held.id === held.id)
    const known = told.some((completion) => leaseKey(completion.held) === leaseKey(held))
    log.warn('job.interrupted', { job: held.id, known })
    if (source.reportsInterrupted && !known) {
      const error = new WorkerError('ENGINE_LOST', 'the worker was killed while it had the job')
      const { fault } = error
      const lost: Outcome = { status: 'failed', error: error.toJSON(), fault, progress: 0 }
      const outcome = told[0]?.outcome ?? lost // handed out twice, and killed between the two reports
      await outbox.put({ held, outcome, at: new Date().toISOString() })
    }
    await journal.remove(leaseKey(held)).catch(() => {})
  }
}
