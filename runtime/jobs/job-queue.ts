import { asJobError, CanceledError, type JobError } from '../../handler/errors.ts'
import type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
import { realClock, type Clock } from './clock.ts'
import { EventLog, finalEvent } from './event-log.ts'
import { identify, type Parse } from './job-identity.ts'
import type { Stop } from '../shutdown.ts'
import { isFinal, type Handle, type Job, type Shape, type Submission } from './job-record.ts'
import { idTaken, outOfTime, queueFull, shuttingDown } from '../../handler/refusals.ts'
import { Shelf } from './retained-jobs.ts'
import { Tally } from './job-stats.ts'
import { Watchers } from './change-notifier.ts'

export interface JobsOptions {
  handle: Handle
  parse: Parse
  /** Handlers in flight. */
  slots: number
  /** Jobs that may wait for a slot. */
  queueLimit: number
  /** Longest run. */
  limitMs: number
  stop: Stop
  /** Why no job can be taken now, if so. */
  refusal?: () => JobError | undefined
  /** Told of every outcome; may not throw. */
  onEnd?: (job: Job) => void
  clock?: Clock
}

type Entry = { -readonly [K in keyof Job]: Job[K] } & {
  print: string
  object: string
  /** The attempt that runs, while it does. */
  attempt?: AbortController | undefined
  /** Whether this attempt's final event is out. */
  told: boolean
  attending: number
}

/** The one store of jobs in memory, and what runs them: first come, first served. */
export class Jobs {
  readonly #options: JobsOptions
  readonly #clock: Clock
  readonly #shelf: Shelf<Entry>
  readonly #waiting: Entry[] = []
  /** By the object they write: a job that was given up keeps its slot until its handler has ended. */
  readonly #active = new Map<string, Entry>()
  readonly #watchers = new Watchers<Job>()
  readonly #tally = new Tally()
  readonly #idle = Promise.withResolvers<void>()
  #open = false

  constructor(options: JobsOptions) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    this.#shelf = new Shelf(this.#clock)
    const { soon, now } = options.stop
    soon.addEventListener('abort', () => this.#wind(this.#open ? [] : this.#waiting))
    now.addEventListener('abort', () => this.#wind(this.#shelf.list()))
  }

  /** Start what waits: the models are warm. */
  open(): void {
    this.#open = true
    this.#next()
  }

  /**
   * Take a job. The same job again is joined while it waits or runs, and answered from memory when it
   * has succeeded; `force` renders it anew.
   *
   * @throws InputError JOB_CONFLICT, WorkerError BUSY, CanceledError SHUTDOWN, or the refusal
   */
  submit(submission: Submission): Job {
    const { print, object, force } = identify(
      submission.payload,
      submission.id,
      this.#options.parse,
    )
    const known = this.#shelf.get(submission.id)
    if (known && (!isFinal(known) || (known.state === 'succeeded' && !force))) {
      if (known.print !== print) throw idTaken(known.id, known.state)
      known.detached ||= submission.detached
      return known
    }
    this.#admit()
    if (known) this.#shelf.remove(known)
    const entry: Entry = {
      ...submission,
      ...{ print, object, told: false, attending: 0, state: 'queued', events: new EventLog() },
      ...{ attempts: 0, createdAt: new Date(), queued: this.#clock.now() },
    }
    this.#shelf.put(entry, () => this.#end(entry, outOfTime('the time to live of the job is over')))
    this.#enqueue(entry)
    return entry
  }

  /** Run a failed job again under its id. @throws as `submit` does */
  retry(job: Job): void {
    const entry = job as Entry
    this.#admit()
    this.#shelf.keep(entry)
    delete entry.error
    delete entry.finished
    entry.state = 'queued'
    entry.told = false
    this.#tally.retried()
    this.#enqueue(entry)
  }

  get(id: string): Job | undefined {
    return this.#shelf.get(id)
  }

  list(): Job[] {
    return this.#shelf.list()
  }

  cancel(job: Job): void {
    this.#end(job as Entry, new CanceledError('CANCELED', 'the job was canceled'))
  }

  /** Cancel what waits. @returns how many jobs that were */
  purge(shape: Shape): number {
    const waiting = this.#waiting.filter((entry) => entry.shape === shape)
    for (const entry of waiting) this.cancel(entry)
    return waiting.length
  }

  /** Change how long the outcome can be asked for: from its end, or from now. */
  keep(job: Job, ms: number): void {
    const entry = job as Entry
    entry.keepMs = ms
    if (isFinal(entry)) this.#shelf.removeLater(entry)
  }

  counts() {
    return { queued: this.#waiting.length, running: this.#active.size, ...this.#tally.counts() }
  }

  /**
   * Seconds until one place in the queue may be free, and not until the queue is done: who waits
   * longer than the others comes back to find it taken, again and again.
   */
  retryAfter(): number {
    return this.#tally.wait(1, this.#options.slots)
  }

  /** Resolves at the job's next change, or when the signal aborts. Look first, then wait. */
  changed(job: Job, signal: AbortSignal): Promise<void> {
    return this.#watchers.next(job, signal)
  }

  /** Wait for the outcome; a job that nobody attends to any more is canceled unless it is detached. */
  async attend(job: Job, signal: AbortSignal): Promise<void> {
    const entry = job as Entry
    entry.attending++
    while (!isFinal(entry) && !signal.aborted) await this.changed(entry, signal)
    entry.attending--
    if (entry.attending > 0 || entry.detached) return
    this.#end(entry, new CanceledError('CANCELED', 'the client went away'))
  }

  /** Resolves when, after `stop.soon`, nothing waits or runs any more. */
  drained(): Promise<void> {
    return this.#idle.promise
  }

  #admit(): void {
    const { stop, refusal, queueLimit, slots } = this.#options
    if (stop.soon.aborted) throw shuttingDown()
    const refused = refusal?.()
    if (refused) throw refused
    const free = this.#open ? Math.max(0, slots - this.#active.size) : 0
    if (this.#waiting.length < queueLimit + free) return
    throw queueFull(this.#waiting.length)
  }

  #enqueue(entry: Entry): void {
    this.#waiting.push(entry)
    this.#watchers.wake(entry)
    this.#next()
  }

  #next(): void {
    while (this.#open && this.#active.size < this.#options.slots) {
      const index = this.#waiting.findIndex((entry) => !this.#active.has(entry.object))
      if (index < 0) break
      void this.#run(this.#waiting.splice(index, 1)[0]!)
    }
    const busy = this.#active.size + this.#waiting.length > 0
    if (this.#options.stop.soon.aborted && !busy) this.#idle.resolve()
  }

  async #run(entry: Entry): Promise<void> {
    const { handle, limitMs } = this.#options
    const attempt = new AbortController()
    const { signal } = attempt
    const current = () => entry.attempt === attempt
    entry.state = 'running'
    entry.started = this.#clock.now()
    entry.attempt = attempt
    entry.attempts++
    this.#active.set(entry.object, entry)
    this.#watchers.wake(entry)
    const disarm = this.#clock.after(Math.min(entry.runMs ?? limitMs, limitMs), () => {
      if (current()) this.#end(entry, outOfTime('the job ran past its time limit'))
    })
    try {
      const { id, origin } = entry
      const onEvent = (event: JobEvent) => {
        if (!current()) return
        entry.events.push(event)
        entry.told = event.status !== 'running'
        this.#watchers.wake(entry)
      }
      const result = await handle(entry.payload, { id, origin, signal, onEvent })
      if (current()) this.#settle(entry, { result })
    } catch (thrown) {
      if (current()) this.#settle(entry, { error: asJobError(thrown, signal) })
    } finally {
      disarm()
      this.#active.delete(entry.object)
      this.#next()
    }
  }

  /** Give a job up: its outcome is known at once, its slot is free when its handler has ended. */
  #end(entry: Entry, error: CanceledError): void {
    if (isFinal(entry)) return
    const { attempt } = entry
    const index = this.#waiting.indexOf(entry)
    if (index >= 0) this.#waiting.splice(index, 1)
    this.#settle(entry, { error })
    attempt?.abort(error)
    this.#next()
  }

  #settle(entry: Entry, outcome: { result: JobResult } | { error: JobError }): void {
    const now = this.#clock.now()
    if (entry.attempt) this.#tally.ran(now - entry.started!)
    delete entry.attempt
    const failed = 'error' in outcome && (outcome.error.code === 'CANCELED' ? 'canceled' : 'failed')
    const state = failed || 'succeeded'
    Object.assign(entry, outcome, { state, finished: now })
    this.#tally.end(state)
    if (!entry.told) entry.events.push(finalEvent(entry.id, entry.events, outcome))
    this.#shelf.removeLater(entry)
    this.#options.onEnd?.(entry)
    this.#watchers.wake(entry)
  }

  /** The process ends: these jobs are handed back. */
  #wind(entries: Entry[]): void {
    for (const entry of [...entries]) this.#end(entry, shuttingDown())
    this.#next()
  }
}
