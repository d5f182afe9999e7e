import {
  CanceledError,
  deadlineError,
  idConflictError,
  queueFullError,
  shutdownError,
} from '../../handler/errors.ts'
import { ChangeNotifier } from './change-notifier.ts'
import { realClock, type Clock } from './clock.ts'
import { jobIdentity } from './job-identity.ts'
import type { Job, JobChannel, JobQueueOptions, MutableJob, Submission } from './job-record.ts'
import { isFinal } from './job-record.ts'
import { JobStats } from './job-stats.ts'
import { createJob, endJob, joinJob, requeueJob, type JobOutcome } from './job-transitions.ts'
import { RetainedJobs } from './retained-jobs.ts'
import { runAttempt } from './run-attempt.ts'

/**
 * The one store of jobs in memory, and what runs them: first come, first served.
 *
 *   (new)   → queued     submit(); the same job that is queued, running or done is joined instead
 *   queued  → running    the models are warm, a slot is free, nobody writes its object
 *   queued  → final      cancel(), its time to live, its last waiter left, shutdown
 *   running → final      its handler's outcome; or cancel(), a time limit, shutdown: at once, but
 *                        the slot is free only when the handler has really ended
 *   final   → queued     retry()
 *   final   → (gone)     its retention is over, or a new job has taken its id
 *
 * Final is `succeeded`, `failed` (also DEADLINE and SHUTDOWN) or `canceled`. What a step does to the
 * record of a job is in job-transitions.ts, how its handler is called in run-attempt.ts.
 */
export class JobQueue {
  readonly #options: JobQueueOptions
  readonly #clock: Clock
  readonly #retained: RetainedJobs<MutableJob>
  readonly #waiting: MutableJob[] = []
  /** By the object they write: a job that was given up keeps its slot until its handler has ended. */
  readonly #active = new Map<string, MutableJob>()
  readonly #changes = new ChangeNotifier<Job>()
  readonly #stats = new JobStats()
  readonly #idle = Promise.withResolvers<void>()
  #open = false

  constructor(options: JobQueueOptions) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    this.#retained = new RetainedJobs(this.#clock)
    const { draining, aborted } = options.stop
    draining.addEventListener('abort', () => this.#shutdown(this.#open ? [] : this.#waiting))
    aborted.addEventListener('abort', () => this.#shutdown(this.#retained.list()))
  }

  /** Start what waits: the models are warm. */
  open(): void {
    this.#open = true
    this.#next()
  }

  /**
   * Take a job. The same job again is joined while it waits or runs, and answered from memory when it
   * has succeeded; `force`, or another presigned URL for its result or a picture of it, renders it anew.
   *
   * @throws InputError JOB_CONFLICT, WorkerError BUSY, CanceledError SHUTDOWN, or the refusal
   */
  submit(submission: Submission): Job {
    const { id, payload } = submission
    const { caller, force, ...identity } = jobIdentity(payload, id, this.#options.parse)
    const known = this.#retained.get(id)
    const anew = force || (identity.upload !== undefined && identity.upload !== known?.upload)
    if (known && (!isFinal(known) || (known.state === 'succeeded' && !anew))) {
      if (known.fingerprint !== identity.fingerprint) throw idConflictError(known.id, known.state)
      if (joinJob(known, submission.detached, caller)) this.#options.onJoin?.(known, caller)
      return known
    }
    this.#admit()
    if (known) this.#retained.remove(known)
    const entry = createJob(submission, identity, caller, this.#clock.now())
    const expired = () => this.#abort(entry, deadlineError('the time to live of the job is over'))
    this.#retained.add(entry, expired)
    this.#enqueue(entry)
    return entry
  }

  /** Run a failed job again under its id. @throws as `submit` does */
  retry(job: Job): void {
    const entry = job as MutableJob
    this.#admit()
    this.#retained.cancelRemoval(entry)
    requeueJob(entry)
    this.#stats.retried()
    this.#enqueue(entry)
  }

  /** Forget a success whose object is gone or another one by now, so that the same job is done again. */
  async recheck(id: string): Promise<void> {
    const { isStored } = this.#options
    const known = this.#retained.get(id)
    // What was put to a presigned URL cannot be looked at.
    if (!known?.result || known.isElsewhere || !isStored) return
    if (await isStored(known.object, known.result)) return
    if (known.result && this.#retained.get(id) === known) this.#retained.remove(known)
  }

  get(id: string): Job | undefined {
    return this.#retained.get(id)
  }

  list(): Job[] {
    return this.#retained.list()
  }

  cancel(job: Job): void {
    this.#abort(job as MutableJob, new CanceledError('CANCELED', 'the job was canceled'))
  }

  /** Cancel what waits. @returns how many jobs that were */
  purge(channel: JobChannel): number {
    const waiting = this.#waiting.filter((entry) => entry.channel === channel)
    for (const entry of waiting) this.cancel(entry)
    return waiting.length
  }

  /** Change how long the outcome can be asked for: from its end, or from now. */
  setRetention(job: Job, ms: number): void {
    const entry = job as MutableJob
    entry.retentionMs = ms
    if (isFinal(entry)) this.#retained.scheduleRemoval(entry)
  }

  counts() {
    return { queued: this.#waiting.length, running: this.#active.size, ...this.#stats.counts() }
  }

  /**
   * Seconds until one place in the queue may be free, and not until the queue is done: who waits
   * longer than the others comes back to find it taken, again and again.
   */
  retryAfter(): number {
    return this.#stats.estimateWait(1, this.#options.slots)
  }

  /** Resolves at the job's next change, or when the signal aborts. Look first, then wait. */
  changed(job: Job, signal: AbortSignal): Promise<void> {
    return this.#changes.wait(job, signal)
  }

  /** Wait for the outcome; a job that nobody attends to any more is canceled unless it is detached. */
  async waitFor(job: Job, signal: AbortSignal): Promise<void> {
    const entry = job as MutableJob
    entry.waiters++
    while (!isFinal(entry) && !signal.aborted) await this.changed(entry, signal)
    entry.waiters--
    if (entry.waiters > 0 || entry.detached) return
    this.#abort(entry, new CanceledError('CANCELED', 'the client went away'))
  }

  /** Resolves when, after `stop.draining`, nothing waits or runs any more. */
  drained(): Promise<void> {
    return this.#idle.promise
  }

  #admit(): void {
    const { stop, unavailable, queueLimit, slots } = this.#options
    if (stop.draining.aborted) throw shutdownError()
    const refused = unavailable?.()
    if (refused) throw refused
    const free = this.#open ? Math.max(0, slots - this.#active.size) : 0
    if (this.#waiting.length < queueLimit + free) return
    throw queueFullError(this.#waiting.length)
  }

  #enqueue(entry: MutableJob): void {
    this.#waiting.push(entry)
    this.#changes.notify(entry)
    this.#next()
  }

  #next(): void {
    while (this.#open && this.#active.size < this.#options.slots) {
      const index = this.#waiting.findIndex((entry) => !this.#active.has(entry.object))
      if (index < 0) break
      void this.#run(this.#waiting.splice(index, 1)[0]!)
    }
    const busy = this.#active.size + this.#waiting.length > 0
    if (this.#options.stop.draining.aborted && !busy) this.#idle.resolve()
  }

  async #run(entry: MutableJob): Promise<void> {
    const { handle, limitMs } = this.#options
    this.#active.set(entry.object, entry)
    try {
      const outcome = await runAttempt(entry, {
        ...{ handle, limitMs, clock: this.#clock },
        onChange: () => this.#changes.notify(entry),
        onOverrun: () => this.#abort(entry, deadlineError('the job ran past its time limit')),
      })
      if (outcome) this.#finish(entry, outcome)
    } finally {
      this.#active.delete(entry.object)
      this.#next()
    }
  }

  /** Give a job up: its outcome is known at once, its slot is free when its handler has ended. */
  #abort(entry: MutableJob, error: CanceledError): void {
    if (isFinal(entry)) return
    const { attempt } = entry
    const index = this.#waiting.indexOf(entry)
    if (index >= 0) this.#waiting.splice(index, 1)
    this.#finish(entry, { error })
    attempt?.abort(error)
    this.#next()
  }

  #finish(entry: MutableJob, outcome: JobOutcome): void {
    const now = this.#clock.now()
    if (entry.attempt) this.#stats.recordDuration(now - entry.started!)
    this.#stats.recordOutcome(endJob(entry, outcome, now))
    this.#retained.scheduleRemoval(entry)
    this.#options.onEnd?.(entry)
    this.#changes.notify(entry)
  }

  /** The process ends: these jobs are handed back. */
  #shutdown(entries: MutableJob[]): void {
    for (const entry of [...entries]) this.#abort(entry, shutdownError())
    this.#next()
  }
}
