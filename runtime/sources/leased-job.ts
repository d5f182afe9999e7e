import { asJobError, InputError } from '../../handler/errors.ts'
import type { Log } from '../../handler/render/context.ts'
import { follow } from '../jobs/follow-job.ts'
import type { Jobs } from '../jobs/job-queue.ts'
import type { Job } from '../jobs/job-record.ts'
import type { Outbox } from './outbox.ts'
import type { Records } from './durable-records.ts'
import type { Held, Lease, Outcome, Source } from './job-source.ts'
import { tellProgress } from './progress-reporter.ts'

/** How long the outcome of a job can be looked at here. */
const KEEP_MS = 30 * 60_000

/** A job that is ours, from the claim until its outcome is in the outbox. */
export interface Leased {
  readonly held: Held
  /** Whether its download is over: what is claimed now downloads while this one renders. */
  readonly renders: boolean
  /** Never rejects. */
  readonly done: Promise<void>
  /** Stop it and tell nothing: whoever gave it knows its end, or gave it to another. */
  giveUp(): void
}

export interface LeaseOptions {
  source: Source
  jobs: Jobs
  outbox: Outbox
  /** What a next life of this worker must know to have been lost. */
  journal: Records<Held>
  /** Prefix of the URLs of a directory store. */
  origin: string
  /** Told when `renders` has changed. */
  changed(): void
  log: Log
}

export function runLease(lease: Lease, options: LeaseOptions): Leased {
  const { source, jobs, outbox, journal, origin, changed, log } = options
  const { id, ref, payload, refusal, runMs } = lease
  const held: Held = { id, ...(ref !== undefined && { ref }) }
  let job: Job | undefined
  let renders = false
  let givenUp = false

  const giveUp = () => {
    givenUp = true
    if (job) jobs.cancel(job)
  }

  async function run(): Promise<void> {
    await outbox.drop(id) // an attempt before this one failed, and the giver has not even heard of it
    await safely(journal.put(id, held))
    const outcome = await outcomeOf()
    if (givenUp) log('lease.given_up', { job: id })
    else await outbox.put({ held, outcome, at: new Date().toISOString() })
    await safely(journal.remove(id))
  }

  /** A full disk costs the safety of a crash, not the job. */
  const safely = (write: Promise<void>) =>
    write.catch((error: Error) => log('journal.unsafe', { reason: error.message }))

  async function outcomeOf(): Promise<Outcome> {
    const teller = tellProgress(source.progress, held, giveUp, log)
    try {
      if (refusal !== undefined) throw new InputError('INVALID_JOB', refusal)
      job = jobs.submit({
        ...{ id, payload, origin, shape: 'pull', keepMs: KEEP_MS, detached: true },
        ...(runMs !== undefined && { runMs }),
      })
      if (givenUp) jobs.cancel(job)
      await follow(jobs, job, (event) => {
        teller.tell(event)
        note(event.phase)
      })
      if (job.result) return { status: 'succeeded', result: job.result }
      return failure(job.error, job.events.last?.progress)
    } catch (thrown) {
      return failure(thrown)
    } finally {
      await teller.end()
    }
  }

  function note(phase: string): void {
    if (renders || phase === 'downloading' || phase === 'inference') return
    renders = true
    changed()
  }

  return {
    held,
    get renders() {
      return renders
    },
    done: run(),
    giveUp,
  }
}

function failure(thrown: unknown, progress = 0): Outcome {
  const error = asJobError(thrown)
  return { status: 'failed', error: error.toJSON(), fault: error.fault, progress }
}
