import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asJobError, isErrno, WorkerError } from './errors.ts'
import type { Fetch } from './net/guarded-fetch.ts'
import type { FitOutput } from './render/output-frame.ts'
import type { Job } from './parse-job.ts'
import { PATIENCE, type Patience } from './net/timeouts.ts'
import type { Log } from './render/context.ts'
import type { MediaLimits } from './render/media/probe.ts'
import type { Render } from './render/render.ts'
import { reporter, type Reporter, type Sink } from './events/event-emitter.ts'
import type { Storage } from './storage/storage.ts'
import type { Webhooks } from './events/webhook-sender.ts'

export interface Limits extends MediaLimits {
  maxInputBytes: number
}

/** What a process has once and every job uses. */
export interface Deps {
  render: Render
  storage: Storage
  /** For inputs and presigned uploads. */
  fetch: Fetch
  webhooks: Webhooks
  limits: Limits
  /** Folder for per-job folders. */
  scratch: string
  /** Lets a job name local paths. */
  allowFileInputs: boolean
  /** Whether the predecessor's size fields count by themselves; no where unset. */
  fitOutput?: FitOutput
  patience?: Patience
  /** Frames per generator run; the bundle's own choice where unset. */
  batchSize?: number
  log: Log
}

/** What whoever brings a job may add to it. */
export interface Call {
  signal?: AbortSignal
  /** The platform's id of the job, used where the payload has none. */
  id?: string
  /** Told of every event; must return at once. */
  onEvent?: Sink
}

/** The steps of `handle()` that are timed and named. */
export type Step = 'download' | 'render' | 'upload'

export interface Context extends Deps, AsyncDisposable {
  patience: Patience
  /** This job's own folder, once it was made; gone when the context is disposed. */
  dir: string
  signal: AbortSignal
  report: Reporter
  /** Run a step: time it, and give an error that escapes the step's name. */
  step<T>(name: Step, run: () => Promise<T>): Promise<T>
  /** Seconds spent in a step. */
  seconds(name: Step): number
  /** Seconds since the job began. */
  elapsed(): number
}

export function openContext(job: Job, deps: Deps, call: Call): Context {
  const began = performance.now()
  const signal = call.signal ?? new AbortController().signal
  const log: Log = (event, fields) => deps.log(event, { job: job.id, ...fields })
  const dir = join(deps.scratch, `job-${randomUUID()}`)
  const spent = new Map<Step, number>()
  return {
    ...deps,
    dir,
    signal,
    log,
    patience: deps.patience ?? PATIENCE,
    report: reporter(job, [
      ...(call.onEvent ? [call.onEvent] : []),
      ...(job.webhook ? [deps.webhooks.to(job.webhook, log)] : []),
    ]),
    async step(name, run) {
      const start = performance.now()
      try {
        signal.throwIfAborted()
        return await run()
      } catch (thrown) {
        const error = asJobError(thrown, signal)
        error.stage ??= (thrown as { stage?: string }).stage ?? name
        throw error
      } finally {
        const seconds = Math.round(performance.now() - start) / 1000
        spent.set(name, seconds)
        log('stage', { stage: name, seconds })
      }
    },
    seconds: (name) => spent.get(name) ?? 0,
    elapsed: () => Math.round(performance.now() - began) / 1000,
    async [Symbol.asyncDispose]() {
      // ffmpeg may have written until a moment ago, so a busy folder is tried again.
      await rm(dir, { recursive: true, force: true, maxRetries: 3 }).catch((error: Error) =>
        log('scratch.left', { reason: error.message }),
      )
    },
  }
}

/** @throws WorkerError DISK_FULL */
export async function makeFolder({ dir }: Context): Promise<void> {
  try {
    await mkdir(dir, { recursive: true })
  } catch (cause) {
    const full = isErrno(cause, 'ENOSPC') || isErrno(cause, 'EDQUOT')
    const why = full ? 'is full' : `cannot be written (${(cause as NodeJS.ErrnoException).code})`
    throw new WorkerError('DISK_FULL', `the scratch directory ${why}`, { cause })
  }
}
