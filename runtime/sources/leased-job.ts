import { asJobError, InputError } from '../../handler/errors.ts'
import type { Log } from '../../handler/log.ts'
import { forEachEvent } from '../jobs/follow-job.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { Job } from '../jobs/job-record.ts'
import type { Outbox } from './outbox.ts'
import type { DurableRecords } from './durable-records.ts'
import type { LeaseRef, Lease, Outcome, Source } from './job-source.ts'
import { createProgressReporter } from './progress-reporter.ts'

/** How long the outcome of a job can be looked at here. */
const MS = 30 * 60_000

/** A job that is ours, from the claim until its outcome is in the outbox. */
export interface LeasedJob {
  readonly held: LeaseRef
  /** Whether its download is over: what is claimed now downloads while this one renders. */
  readonly isRendering: boolean
  /** Never rejects. */
  readonly done: Promise<void>
  /** Stop it and report nothing: whoever gave it knows its end, or gave it to another. */
  abandon(): void
}

export interface LeaseOptions {
  source: Source
  jobs: JobQueue
  outbox: Outbox
  /** What a next life of this worker must know to have been lost. */
  journal: DurableRecords<LeaseRef>
  /** Prefix of the URLs of a directory store. */
  origin: string
  /** Told when `renders` has changed. */
  changed(): void
  log: Log
}

export function runLeasedJob(lease: Lease, options: LeaseOptions): LeasedJob {
  const { source, jobs, outbox, journal, origin, changed, log } = options
  const { id, ref, payload, inputError, timeoutMs } = lease
  const held: LeaseRef = { id, ...(ref !== undefined && { ref }) }
  let job: Job | undefined
  let isRendering = false
  let givenUp = false

  const abandon = () => {
    givenUp = true
    if (job) jobs.cancel(job)
  }

  async function run(): Promise<void> {
    await outbox.discard(id) // an attempt before this one failed, and the source has not even heard of it
    await logErrors(journal.put(id, held))
    const outcome = await outcomeOf()
    if (givenUp) log.info('lease.given_up', { job: id })
    else await outbox.put({ held, outcome, at: new Date().toISOString() })
    await logErrors(journal.remove(id))
  }

  /** A full disk costs the safety of a crash, not the job. */
  const logErrors = (write: Promise<void>) =>
    write.catch((error: Error) => log.warn('journal.unsafe', { reason: error.message }))

  async function outcomeOf(): Promise<Outcome> {
    const reporter = createProgressReporter(source.progress, held, abandon, log)
    try {
      if (inputError !== undefined) throw new InputError('INVALID_JOB', inputError)
      job = jobs.submit({
        ...{ id, payload, origin, shape: 'pull', retentionMs: MS, detached: true },
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
  }
}

function failure(thrown: unknown, progress = 0): Outcome {
  const error = asJobError(thrown)
  return { status: 'failed', error: error.toJSON(), fault: error.fault, progress }
}
