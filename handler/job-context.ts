import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asJobError, isErrno, WorkerError } from './errors.ts'
import type { GuardedFetch } from './net/guarded-fetch.ts'
import type { ResizePolicy } from './render/output-frame.ts'
import type { InputRules } from './inputs/input-address.ts'
import type { Job } from './job/parse-job.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from './net/timeouts.ts'
import { withLogFields, type Log } from './log.ts'
import type { MediaLimits } from './render/media/probing/media-limits.ts'
import type { Stage } from './render/render-context.ts'
import type { Render } from './render/render-task.ts'
import { createJobEvents, type JobEvents, type EventListener } from './events/event-emitter.ts'
import type { GrowingFile } from './system/growing-file.ts'
import type { PartQueue } from './part-queue.ts'
import type { Storage } from './storage/storage.ts'
import type { Webhooks } from './events/webhook-sender.ts'
import { makeDirectory } from '../models/system/make-directory.ts'

export interface Limits extends MediaLimits {
  maxInputBytes: number
}

/** What a process has once and every job uses. */
export interface JobDependencies extends InputRules {
  render: Render
  storage: Storage
  /** Why nothing can be stored there now, where that is known: jobs that need it end before they are begun. */
  storageProblem?: () => string | undefined
  /** For inputs and presigned uploads. */
  fetch: GuardedFetch
  webhooks: Webhooks
  /** Others who may draw parts of a long result. */
  parts?: PartQueue
  limits: Limits
  /** Folder for per-job folders. */
  scratch: string
  /** Whether the legacy worker's size fields count by themselves; no where unset. */
  fitOutput?: ResizePolicy
  /** What results say of how they were made; see `ParseOptions`. */
  provenance?: { version: string; unasked: boolean }
  timeouts?: Timeouts
  /** Frames per generator run; the bundle's own choice where unset. */
  batchSize?: number
  /** Called with each input that was fetched and each result that was stored; returns at once. */
  onTransfer?: (transfer: Transfer) => void
  /** Called with each stage of a job that has ended, well or badly; stages overlap. Returns at once. */
  onStage?: (stage: Step | Stage, seconds: number) => void
  log: Log
}

/** A file that went into this worker or out of it. */
export interface Transfer {
  direction: 'in' | 'out'
  bytes: number
  seconds: number
}

/** What whoever brings a job may add to it. */
export interface HandleOptions {
  signal?: AbortSignal
  /** The platform's id of the job, used where the payload has none. */
  id?: string
  /** Told of every event; must return at once. */
  onEvent?: EventListener
  /** Given the video of a job with `output.stream` when its render begins, and again if it begins anew. */
  onVideo?: (video: GrowingFile) => void
  /** W3C trace context of the job, which its webhooks carry. */
  traceparent?: string | undefined
}

/** The steps of `handle()` that are timed and named. */
export type Step = 'download' | 'render' | 'upload'

export interface JobContext extends JobDependencies, AsyncDisposable {
  timeouts: Timeouts
  /** This job's own folder, once it was made; gone when the context is disposed. */
  dir: string
  signal: AbortSignal
  events: JobEvents
  onVideo(video: GrowingFile): void
  /** Run a step: time it, and give an error that escapes the step's name. */
  step<T>(name: Step, run: () => Promise<T>): Promise<T>
  /** Tell of a stage that has ended. */
  stageEnded(stage: Step | Stage, seconds: number): void
  /** Seconds spent in a step. */
  seconds(name: Step): number
  /** Seconds since the job began. */
  elapsed(): number
}

export function createJobContext(job: Job, deps: JobDependencies, call: HandleOptions): JobContext {
  const began = performance.now()
  const signal = call.signal ?? new AbortController().signal
  const log = withLogFields(deps.log, { job: job.id })
  const dir = join(deps.scratch, `job-${randomUUID()}`)
  const elapsed = new Map<Step, number>()
  const stageEnded = (stage: Step | Stage, seconds: number) => {
    log.info('stage', { stage, seconds })
    deps.onStage?.(stage, seconds)
  }
  return {
    ...deps,
    dir,
    signal,
    log,
    stageEnded,
    timeouts: deps.timeouts ?? DEFAULT_TIMEOUTS,
    onVideo: call.onVideo ?? (() => {}),
    events: createJobEvents(
      job,
      [
        ...(call.onEvent ? [call.onEvent] : []),
        ...(job.webhook ? [deps.webhooks.to(job.webhook, log, call.traceparent)] : []),
      ],
      (error) => log.warn('listener.failed', { reason: String(error) }),
    ),
    async step(name, run) {
      const start = performance.now()
      try {
        signal.throwIfAborted()
        return await run()
      } catch (thrown) {
        throw asJobError(thrown, signal, name)
      } finally {
        const seconds = Math.round(performance.now() - start) / 1000
        elapsed.set(name, seconds)
        stageEnded(name, seconds)
      }
    },
    seconds: (name) => elapsed.get(name) ?? 0,
    elapsed: () => Math.round(performance.now() - began) / 1000,
    async [Symbol.asyncDispose]() {
      // ffmpeg may have written until a moment ago, so a busy folder is tried again.
      await rm(dir, { recursive: true, force: true, maxRetries: 3 }).catch((error: Error) =>
        log.warn('scratch.left', { reason: error.message }),
      )
    },
  }
}

/** @throws WorkerError DISK_FULL */
export async function createScratchDir({ dir }: JobContext): Promise<void> {
  try {
    await makeDirectory(dir)
  } catch (cause) {
    const full = isErrno(cause, 'ENOSPC') || isErrno(cause, 'EDQUOT')
    const why = full ? 'is full' : `cannot be written (${(cause as NodeJS.ErrnoException).code})`
    throw new WorkerError('DISK_FULL', `the scratch directory ${why}`, { cause })
  }
}
