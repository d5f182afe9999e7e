import type { CacheOptions } from '../../handler/render/avatar/avatar-cache.ts'
import type { ErrorPayload, JobError } from '../../handler/errors.ts'
import type { LogFields, LogLevel } from '../../handler/log.ts'
import type { RenderEstimate } from '../../handler/render/estimate-render.ts'
import type { Stage } from '../../handler/render/render-context.ts'
import type { RenderReport, RenderTask } from '../../handler/render/render-task.ts'
import type { SessionOptions } from '../../models/inference/session.ts'

/** What a render process needs before it can be ready. */
export interface InitOptions extends SessionOptions {
  /** Folder of the model bundle. */
  bundle: string
  ffmpegPath?: string
  /** Where to keep what is learned about videos. */
  cache?: CacheOptions
  /** Where to keep optimized copies of large graphs. */
  modelCache?: string
  /** How often it says that it lives. */
  beatMs: number
}

export interface BundleName {
  name: string
  version: string
  id: string
}

/** An error on its way to the parent; `cause` is its stack, for the log. */
export interface SerializedError extends ErrorPayload {
  fault: JobError['fault']
  cause?: string
  /** Whether only a signal from outside has ended an ffmpeg of it. */
  stopped?: true
}

/** Parent to child. Media stays on disk. */
export type ToChild =
  | { type: 'open'; setup: InitOptions }
  | { type: 'render' | 'estimate'; id: number; task: RenderTask }
  | { type: 'cancel'; id: number }

/** Child to parent. Every render and every estimate is answered by exactly one `done` or `failed`. */
export type FromChild =
  | { type: 'ready'; device: 'cuda' | 'cpu'; bundle: BundleName }
  | { type: 'broken'; failure: SerializedError }
  | { type: 'warning'; event: string; fields: LogFields }
  | { type: 'heartbeat'; rssMb: number }
  | { type: 'progress' | 'scanned'; id: number; done: number; total: number }
  | { type: 'stage'; id: number; stage: Stage; seconds: number }
  | { type: 'log'; id: number; level: LogLevel; event: string; fields: LogFields }
  | { type: 'done'; id: number; report: RenderReport }
  | { type: 'estimated'; id: number; estimate: RenderEstimate }
  | { type: 'failed'; id: number; failure: SerializedError }
