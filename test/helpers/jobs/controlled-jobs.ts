import { CanceledError } from '../../../handler/errors.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { createJobEvents, type JobEvents } from '../../../handler/events/event-emitter.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { GrowingFile } from '../../../handler/system/growing-file.ts'
import type { Clock } from '../../../runtime/jobs/clock.ts'
import { JobQueue } from '../../../runtime/jobs/job-queue.ts'
import type { JobHandler, JobQueueOptions, Submission } from '../../../runtime/jobs/job-record.ts'

export const parse = (payload: unknown, id: string | undefined) =>
  parseJob(payload, id, { allowFileInputs: false })

/** A job that is valid; nothing is ever fetched from it. */
export const JOB = { video_url: 'https://media.test/v.mp4', audio_url: 'https://media.test/a.wav' }

export function resultFor(id: string, url = `http://worker.test/files/${id}.mp4`): JobResult {
  return {
    ...{ job_id: id, status: 'succeeded', output_url: url, key: `${id}.mp4`, bytes: 1000 },
    ...{ sha256: 'ab'.repeat(32), width: 64, height: 64, duration_sec: 1, fps: 25, frames: 25 },
    ...{ frames_without_face: 0, bundle: { name: 'pretended', version: '0', id: '0' } },
    stage_times: {
      ...{ download: 0.1, probe: 0.1, speech: 0.1, avatar: 0.1, generate: 0.2, composite: 0.1 },
      ...{ encode: 0.1, upload: 0.1 },
    },
    ...{ total_time: 0.8, realtime_factor: 0.8, peak_memory_mb: 10, metadata: {} },
    deduplicated: false,
  }
}

/** One call of `handle()`, held open until the test says how it ends. */
export interface Held {
  id: string
  origin: string
  payload: unknown
  signal: AbortSignal
  report: JobEvents
  /** The render has begun, and can be watched. */
  show(video: GrowingFile): void
  succeed(): void
  fail(error: unknown): void
}

/** A handle without any work: parses, reports, and waits for the test or for its signal. */
function heldHandle() {
  const calls: Held[] = []
  const waiting: ((held: Held) => void)[] = []
  const handle: JobHandler = async (payload, call) => {
    const job = parse(payload, call.id)
    const signal = call.signal!
    const report = createJobEvents(job, [call.onEvent!])
    report.started()
    report.phase('downloading')
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>()
    const fail = (error: unknown) => reject(error)
    const succeed = () => {
      const result = resultFor(job.id, `${call.origin}/files/${job.id}.mp4`)
      report.succeeded(result)
      resolve(result)
    }
    signal.addEventListener('abort', () => fail(signal.reason))
    const show = (video: GrowingFile) => call.onVideo!(video)
    const held = { id: job.id, origin: call.origin, payload, signal, report, show, succeed, fail }
    calls.push(held)
    waiting.shift()?.(held)
    return promise
  }
  /** The next call, or the oldest that nobody asked for. */
  let asked = 0
  const next = (): Promise<Held> => {
    const there = calls[asked++]
    return there ? Promise.resolve(there) : new Promise((resolve) => waiting.push(resolve))
  }
  return { handle, calls, next }
}

/** Time that passes when the test says so. */
function heldClock() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    schedule(ms, run) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
  }
  return {
    ...clock,
    pending: () => timers.length,
    pass(ms: number) {
      now += ms
      const due = timers.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at)
      timers = timers.filter(({ at }) => at > now)
      for (const { run } of due) run()
    },
  }
}

export function heldStop() {
  const [soon, now] = [new AbortController(), new AbortController()]
  return {
    stop: { draining: soon.signal, aborted: now.signal },
    soon: () => soon.abort(),
    now: () => now.abort(new CanceledError('SHUTDOWN', 'the worker is shutting down')),
  }
}

export const submission = (id: string, changes: Partial<Submission> = {}): Submission => ({
  ...{ id, payload: { ...JOB, id }, channel: 'jobs', origin: 'http://worker.test' },
  ...{ retentionMs: 60_000, detached: true },
  ...changes,
})

/** A store over a held handle, a held clock and a held stop. */
export function heldJobs(changes: Partial<JobQueueOptions> = {}) {
  const held = heldHandle()
  const clock = heldClock()
  const stopping = heldStop()
  const jobs = new JobQueue({
    ...{ handle: held.handle, parse, clock, stop: stopping.stop },
    ...{ slots: 1, queueLimit: 2, limitMs: 3_600_000 },
    ...changes,
  })
  return { ...held, clock, stopping, jobs }
}

/** Let everything that is ready run. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
