import type { JobError } from '../errors.ts'
import type { EventBase, JobEvent, JobResult, FrameCounts, Phase } from './job-events.ts'

/** Takes events and returns at once; what it does with them is its own affair and may not throw. */
export type EventListener = (event: JobEvent) => void

/** Progress of the phases that have one number, and the span of the one that is measured. */
const PHASE_PROGRESS: Record<Phase, number> = {
  downloading: 0.05,
  inference: 0.1,
  inferring: 0.1,
  encoding: 0.9,
  uploading: 0.95,
  completed: 1,
}
/** Where the source was looked at as a whole before, which is about half of the work. */
const SCANNED = 0.5
const MIN_INTERVAL_MS = 1000

/**
 * One job's stream of events: numbered, never falling, at most one progress event a second and the
 * latest then, nothing after the final one.
 */
export interface JobEvents {
  started(): void
  phase(phase: Phase): void
  /** Source frames that were looked at, where that comes before the first frame of the result. */
  scanned(done: number, total: number): void
  frames(done: number, total: number): void
  succeeded(result: JobResult): void
  failed(error: JobError): void
}

export function createJobEvents(
  { id, metadata }: { id: string; metadata: Record<string, unknown> },
  sinks: readonly EventListener[],
  onListenerError: (error: unknown) => void = () => {},
): JobEvents {
  const now = () => performance.now() // a clock that never jumps
  let seq = 0
  let progress = 0
  let phase: Phase = 'downloading'
  let over = false
  let lastSent = -Infinity
  let timer: NodeJS.Timeout | undefined
  let work: { since: number; first: number; done: number; left: number } | undefined
  let scanning = false
  let drawnFrom = PHASE_PROGRESS.inferring
  let metrics: FrameCounts = {}

  const emit = (event: EventBody) => {
    if (over) return
    over = event.status !== 'running'
    clearTimeout(timer)
    timer = undefined
    const head = {
      ...{ seq: seq++, job_id: id, phase, progress },
      eta_sec: over ? null : eta(),
      ...{ metrics, metadata, at: new Date().toISOString() },
    }
    for (const sink of sinks) deliver(sink, { ...head, ...event }, onListenerError)
  }
  const eta = (): number | null => {
    if (!work || work.done <= work.first) return null
    const perFrame = (now() - work.since) / (work.done - work.first)
    return Math.round(perFrame * work.left) / 1000
  }
  /** Frames in time give the speed; a start takes longer, so that it is measured from the first on. */
  const measure = (isScan: boolean, done: number, left: number) => {
    if (!work || scanning !== isScan) work = { since: now(), first: done, done, left }
    scanning = isScan
    Object.assign(work, { done, left })
  }
  const send = () => {
    lastSent = now()
    emit({ type: 'job.progress', status: 'running' })
  }
  const advance = (to: Phase, value: number) => {
    phase = to
    progress = Math.max(progress, Math.round(value * 1000) / 1000)
    const wait = lastSent + MIN_INTERVAL_MS - now()
    if (wait <= 0) send()
    else timer ??= setTimeout(send, wait)
  }
  return {
    started: () => emit({ type: 'job.started', status: 'running' }),
    phase(to) {
      work = undefined
      advance(to, PHASE_PROGRESS[to])
    },
    scanned(done, total) {
      // To draw a frame costs about what it costs to look at one.
      measure(true, done, 2 * total - done)
      drawnFrom = SCANNED
      const span = SCANNED - PHASE_PROGRESS.inferring
      advance('inferring', PHASE_PROGRESS.inferring + span * Math.min(1, done / total))
    },
    frames(done, total) {
      measure(false, done, total - done)
      metrics = { frames_done: done, frames_total: total }
      advance('inferring', drawnFrom + (PHASE_PROGRESS.encoding - drawnFrom) * (done / total))
    },
    succeeded(result) {
      phase = 'completed'
      progress = 1
      emit({ type: 'job.succeeded', status: 'succeeded', result })
    },
    failed(error) {
      const failure = error.toJSON()
      // A deadline or a shutdown is a failure that a retry can mend; only the caller cancels.
      const canceled = error.code === 'CANCELED'
      if (canceled) emit({ type: 'job.canceled', status: 'canceled', error: failure })
      else emit({ type: 'job.failed', status: 'failed', error: failure })
    },
  }
}

/** A listener's own error is its own: it must not end the job, nor look like an error of it. */
function deliver(sink: EventListener, event: JobEvent, onError: (error: unknown) => void): void {
  try {
    const outcome: unknown = sink(event)
    if (outcome instanceof Promise) outcome.catch(onError)
  } catch (error) {
    onError(error)
  }
}

type BodyOf<E> = E extends JobEvent ? Omit<E, keyof EventBase> : never
type EventBody = BodyOf<JobEvent>
