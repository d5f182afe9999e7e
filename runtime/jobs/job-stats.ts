import type { JobState } from './job-record.ts'

/** What became of the jobs of this process, and how long one takes. */
export class JobStats {
  readonly #ends = { succeeded: 0, failed: 0, canceled: 0 }
  #retried = 0
  #meanMs = 0

  recordOutcome(state: Exclude<JobState, 'queued' | 'running'>): void {
    this.#ends[state]++
  }

  retried(): void {
    this.#retried++
  }

  recordDuration(ms: number): void {
    this.#meanMs += (ms - this.#meanMs) * (this.#meanMs ? 0.2 : 1)
  }

  counts() {
    return { ...this.#ends, retried: this.#retried }
  }

  /** Seconds until that many jobs have had their turn on so many slots: a guess, from 1 to 60. */
  estimateWait(jobs: number, slots: number): number {
    const ms = ((this.#meanMs || 5000) * jobs) / slots
    return Math.min(60, Math.max(1, Math.ceil(ms / 1000)))
  }
}
