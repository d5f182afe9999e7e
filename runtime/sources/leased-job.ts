import { asJobError, InputError } from '../../handler/errors.ts'
import type { Log } from '../../handler/log.ts'
import { forEachEvent } from '../jobs/follow-job.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { Job } from '../jobs/job-record.ts'
import type { Outbox } from './outbox.ts'
import type { DurableRecords } from './durable-records.ts'
import {
  leaseKey,
  refOf,
  type LeaseRef,
  type Lease,
  type Outcome,
  type Source,
} from './job-source.ts'
import { createProgressReporter } from './progress-reporter.ts'

/** How long the outcome of a job can be looked at here. */
const MS = 30 * 60_000

/** A job that is ours, from the claim until its outcome is in the outbox. */
export interface LeasedJob {
  /** More than one where its source has handed it out again under another reference. */
  readonly held: readonly LeaseRef[]
  /** Whether its download is over: what is claimed now downloads while this one renders. */
  readonly isRendering: boolean
  /** Never rejects. */
  readonly done: Promise<void>
  /** Stop it and report nothing: whoever gave it knows its end, or gave it to another. */
  abandon(): void
  /**
   * The same job was handed out again: its outcome is reported for that reference too.
   * @returns false where it is too late for that: it was given up, or that outcome is on its way already
   */
  join(again: LeaseRef): boolean
}

export interface LeaseOptions {
  source: Source
  jobs: JobQueue
  outbox: Outbox
  /** What a next life of this worker must know to have been lost. */
  journal: DurableRecords<LeaseRef>
  /** Prefix of the URLs of a directory store. */
  origin: string
  /** The end of the lease that this one follows, of the same job. */
  before?: Promise<void> | undefined
  /** Told when `isRendering` has changed. */
  changed(): void
  log: Log
}

export function runLeasedJob(lease: Lease, options: LeaseOptions): LeasedJob {
  const { source, jobs, outbox, journal, origin, changed, log } = options
  const { id, payload, inputError, timeoutMs } = lease
  const held = [refOf(lease)]
  const reported = new Set<string>()
  let hasEnded = false
  let job: Job | undefined
  let isRendering = false
  let givenUp = false

  const abandon = () => {
    givenUp = true
    if (job) jobs.cancel(job)
  }

  async function run(): Promise<void> {
    await options.before
    await outbox.discard(held[0]!) // an attempt before this one failed, and the source has not even heard of it
    await note(held[0]!)
    const outcome = await outcomeOf()
    const at = new Date().toISOString()
    if (givenUp) log.info('lease.given_up', { job: id })
    for (const one of held) {
      if (!givenUp) await outbox.put({ held: one, outcome, at })
      reported.add(leaseKey(one))
      await logErrors(journal.remove(leaseKey(one)))
    }
    hasEnded = true
  }

  const note = (one: LeaseRef) => logErrors(journal.put(leaseKey(one), one))

  /** A full disk costs the safety of a crash, not the job. */
  const logErrors = (write: Promise<void>) =>
    write.catch((error: Error) => log.warn('journal.unsafe', { reason: error.message }))

  async function outcomeOf(): Promise<Outcome> {
    const reporter = createProgressReporter(source.progress, held[0]!, abandon, log)
    try {
      if (inputError !== undefined) throw new InputError('INVALID_JOB', inputError)
      await jobs.recheck(id)
      job = jobs.submit({
        ...{ id, payload, origin, channel: 'pull', retentionMs: MS, detached: true },
        ...(timeoutMs !== undefined && { timeoutMs }),
      })
      if (givenUp) jobs.cancel(job)
      await forEachEvent(jobs, job, (event) => {
        reporter.report(event)
        onPhase(event.phase)
      })
      if (job.result) return { status: 'succeeded', result: job.result }
      return failure(job.error, job.events.last?.progress)
    } catch (thrown) {
      return failure(thrown)
    } finally {
      await reporter.end()
    }
  }

  function onPhase(phase: string): void {
    if (isRendering || phase === 'downloading' || phase === 'inference') return
    isRendering = true
    changed()
  }

  return {
    held,
    get isRendering() {
      return isRendering
    },
    done: run(),
    abandon,
    join(again) {
      if (hasEnded || givenUp || reported.has(leaseKey(again))) return false
      if (held.some((one) => leaseKey(one) === leaseKey(again))) {
        log.warn('claim.twice', { job: id })
        return true
      }
      log.info('claim.again', { job: id, ref: again.ref ?? null })
      held.push(refOf(again))
      void note(refOf(again))
      changed()
      return true
    },
  }
}

function failure(thrown: unknown, progress = 0): Outcome {
  const error = asJobError(thrown)
  return { status: 'failed', error: error.toJSON(), fault: error.fault, progress }
}
