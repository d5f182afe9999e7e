import { endOf, missingFrom, type Change, type Json, type Why } from './request-log.ts'

export interface BookOptions {
  now: () => number
  /** A worker that was silent for so long is offline, and what it had goes back into the queue. */
  offlineMs?: number
  /** So does a job that its worker has neither named in a heartbeat nor made progress with. */
  leaseMs?: number
  /** A job that failed so often is not tried again. */
  maxAttempts?: number
  /** Whether this claim is given a job that somebody has already. */
  double?: () => boolean
  /** Whether a worker that is not known is answered 404 once before it is. */
  knock?: boolean
  onChange: (change: Change) => void
}

/** One hand-out of a job. */
export interface Attempt {
  job: string
  number: number
  worker: string
  expiresAt: number
  /** Whether the worker has ever spoken of it. */
  heard: boolean
  /** How it ended, as the worker told it. */
  told?: string
}

export type State = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'

export interface Job {
  id: string
  input: Json
  state: State
  attempts: Attempt[]
  /** Those that run; more than one only where the job was handed out twice. */
  leases: Attempt[]
  report: Json
}

export interface Answer {
  status: number
  body: Json
}

const OK: Answer = { status: 200, body: { status: 'ok' } }
const no = (status: number, detail: string): Answer => ({ status, body: { detail } })

/** What an orchestrator knows: jobs, who has them, and which workers live. */
export class Book {
  readonly jobs = new Map<string, Job>()
  readonly #options: Required<BookOptions>
  readonly #seen = new Map<string, number>()
  readonly #knocked = new Set<string>()

  constructor(options: BookOptions) {
    const defaults = { offlineMs: 30_000, leaseMs: 60_000, maxAttempts: 5, knock: false }
    this.#options = { ...defaults, double: () => false, ...options }
  }

  submit(id: string, input: Json): Job {
    const job: Job = { id, input, state: 'queued', attempts: [], leases: [], report: {} }
    this.jobs.set(id, job)
    this.#tell(job, { change: 'submitted' })
    return job
  }

  /** @param named jobs that the worker says it has; undefined: all that it has */
  beat(worker: string, named: readonly string[] | undefined): Answer {
    this.sweep()
    if (!this.#seen.has(worker) && this.#options.knock && !this.#knocked.delete(worker)) {
      this.#knocked.add(worker)
      return no(404, 'unknown worker')
    }
    this.#seen.set(worker, this.#options.now())
    for (const lease of this.#leases()) {
      if (lease.worker !== worker || (named && !named.includes(lease.job))) continue
      this.#renew(lease)
    }
    return OK
  }

  claim(worker: string): Attempt | undefined {
    this.sweep()
    this.#seen.set(worker, this.#options.now())
    const jobs = [...this.jobs.values()]
    const taken = this.#options.double() ? jobs.find(({ state }) => state === 'running') : undefined
    const job = taken ?? jobs.find(({ state }) => state === 'queued')
    return job && this.#hand(job, worker, taken ? { duplicate: true } : {})
  }

  /** The hand-out that a worker's words about a job belong to. */
  attemptOf(job: string, worker: string | undefined): Attempt | undefined {
    return this.jobs.get(job)?.attempts.findLast((attempt) => attempt.worker === worker)
  }

  /**
   * A worker's word about a job: how far it is, or how it ended.
   * @param named the hand-out that the word is about, where the worker says which
   */
  report(id: string, worker: string, body: Json, named?: Attempt): Answer {
    this.sweep()
    const job = this.jobs.get(id)
    if (!job) return no(404, 'unknown job')
    if (job.state === 'canceled') return no(410, 'the job was canceled')
    this.#seen.set(worker, this.#options.now())
    const end = endOf(body)
    return end ? this.#end(job, worker, end, body, named) : this.#progress(job, worker, body)
  }

  cancel(id: string): Answer {
    const job = this.jobs.get(id)
    if (!job) return no(404, 'unknown job')
    if (job.state === 'queued' || job.state === 'running') {
      this.#close(job, 'canceled')
      this.#tell(job, { change: 'canceled' })
    }
    return { status: 200, body: { detail: 'Cancellation requested' } }
  }

  /** Take back what nobody seems to work on any more. */
  sweep(): void {
    const now = this.#options.now()
    for (const [worker, at] of this.#seen) {
      if (now - at <= this.#options.offlineMs) continue
      this.#seen.delete(worker)
      for (const lease of this.#leases()) if (lease.worker === worker) this.#drop(lease, 'offline')
    }
    for (const lease of this.#leases()) if (lease.expiresAt < now) this.#drop(lease, 'lease')
  }

  /** Lose what is only kept in memory: workers and leases. Jobs and their ends are on a disk. */
  forget(): void {
    for (const lease of this.#leases()) this.#drop(lease, 'forgotten')
    this.#seen.clear()
    this.#knocked.clear()
  }

  #progress(job: Job, worker: string, body: Json): Answer {
    if (job.state === 'succeeded' || job.state === 'failed') return no(409, `it has ${job.state}`)
    const mine = job.leases.findLast((lease) => lease.worker === worker)
    if (!mine && job.leases.length > 0) return no(409, 'another worker has the job')
    // Nobody has it, so whoever works on it has: it was forgotten, or was late.
    this.#renew(mine ?? this.#adopt(job, worker))
    job.report = { ...job.report, ...body }
    return OK
  }

  #end(
    job: Job,
    worker: string,
    end: 'succeeded' | 'failed',
    body: Json,
    named: Attempt | undefined,
  ): Answer {
    const attempt = named ?? this.attemptOf(job.id, worker)
    const text = JSON.stringify(body)
    if (job.state === 'succeeded' || job.state === 'failed') {
      return attempt?.told === text ? OK : no(409, `it has ${job.state}`)
    }
    if (end === 'succeeded') {
      const missing = missingFrom(body)
      if (missing) return no(422, `a success without ${missing}`)
      return this.#final(job, end, { worker, attempt, text, body })
    }
    // A failure that is told again after its answer was lost must not end the next attempt.
    const before = job.attempts.findLast((other) => other.worker === worker && other.told)
    const isRepeated = named ? named.told === text : before?.told === text && !attempt?.heard
    if (isRepeated) return OK
    const mine = job.leases.filter((it) => (named ? it === named : it.worker === worker))
    if (mine.length === 0 && job.leases.length > 0) return no(409, 'another worker has the job')
    if (body['retryable'] !== true || job.attempts.length >= this.#options.maxAttempts) {
      return this.#final(job, end, { worker, attempt, text, body })
    }
    if (attempt) attempt.told = text
    for (const lease of mine) this.#drop(lease, 'retryable')
    return OK
  }

  #final(
    job: Job,
    end: 'succeeded' | 'failed',
    told: { worker: string; attempt: Attempt | undefined; text: string; body: Json },
  ): Answer {
    const { worker, attempt, text, body } = told
    if (attempt) attempt.told = text
    job.report = { ...job.report, ...body }
    this.#close(job, end)
    const code = body['error_code'] ?? body['error']
    const failure = end === 'failed' && { code: String(code) }
    this.#tell(job, { change: end, worker, ...numberOf(attempt), ...failure })
    return OK
  }

  #hand(job: Job, worker: string, about: { duplicate?: true; adopted?: true }): Attempt {
    const number = job.attempts.length + 1
    const lease: Attempt = { job: job.id, number, worker, expiresAt: 0, heard: false }
    lease.expiresAt = this.#options.now() + this.#options.leaseMs
    job.attempts.push(lease)
    job.leases.push(lease)
    job.state = 'running'
    const { adopted, duplicate } = about
    const change = adopted ? 'adopted' : 'handed'
    this.#tell(job, { change, worker, attempt: number, ...(duplicate && { duplicate }) })
    return lease
  }

  /** The worker's own attempt goes on; one that never had the job begins one. */
  #adopt(job: Job, worker: string): Attempt {
    const known = this.attemptOf(job.id, worker)
    if (!known || known.told) return this.#hand(job, worker, { adopted: true })
    job.leases.push(known)
    job.state = 'running'
    this.#tell(job, { change: 'adopted', worker, attempt: known.number })
    return known
  }

  #renew(lease: Attempt): void {
    lease.heard = true
    lease.expiresAt = this.#options.now() + this.#options.leaseMs
  }

  #drop(lease: Attempt, why: Why): void {
    const job = this.jobs.get(lease.job)!
    job.leases = job.leases.filter((other) => other !== lease)
    if (job.leases.length === 0) job.state = 'queued'
    this.#tell(job, { change: 'requeued', worker: lease.worker, attempt: lease.number, why })
  }

  #close(job: Job, state: State): void {
    job.leases = []
    job.state = state
  }

  #leases = (): Attempt[] => [...this.jobs.values()].flatMap(({ leases }) => leases)

  #tell(job: Job, change: Omit<Change, 'kind' | 'at' | 'job'>): void {
    this.#options.onChange({ kind: 'change', at: this.#options.now(), job: job.id, ...change })
  }
}

const numberOf = (attempt: Attempt | undefined) => (attempt ? { attempt: attempt.number } : {})
