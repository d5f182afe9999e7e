import type { Clock } from './clock.ts'
import { isFinal, type Job } from './job-record.ts'

const MOST = 1000

/** Jobs by id, for as long as somebody may ask for them: finished ones leave after a while. */
export class RetainedJobs<T extends Job> {
  readonly #clock: Clock
  readonly #jobs = new Map<string, T>()
  readonly #removals = new WeakMap<T, () => void>()
  readonly #expiries = new WeakMap<T, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(id: string): T | undefined {
    return this.#jobs.get(id)
  }

  list(): T[] {
    return [...this.#jobs.values()]
  }

  /** @param expired called when the job's time to live is over, before it leaves */
  add(job: T, expired: (job: T) => void): void {
    this.#jobs.set(job.id, job)
    if (job.ttlMs === undefined) return
    const leave = () => {
      expired(job)
      this.remove(job)
    }
    this.#expiries.set(job, this.#clock.schedule(job.ttlMs, leave))
  }

  remove(job: T): void {
    this.cancelRemoval(job)
    this.#expiries.get(job)?.()
    if (this.#jobs.get(job.id) === job) this.#jobs.delete(job.id)
  }

  /** Do not remove it any more. */
  cancelRemoval(job: T): void {
    this.#removals.get(job)?.()
  }

  /** Remove it after its time, or at once where there are too many. */
  scheduleRemoval(job: T): void {
    this.cancelRemoval(job)
    this.#removals.set(
      job,
      this.#clock.schedule(job.retentionMs, () => this.remove(job)),
    )
    if (this.#jobs.size <= MOST) return
    const oldest = this.list().find(isFinal)
    if (oldest) this.remove(oldest)
  }
}
