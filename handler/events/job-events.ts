import type { ErrorPayload } from '../errors.ts'
import type { Stage } from '../render/render-context.ts'
import type { TakenFace } from '../render/render-options.ts'

/** A picture beside a result. */
export interface StoredPicture {
  url: string
  key: string
  bytes: number
}

/** What a finished job answers. */
export interface JobResult {
  job_id: string
  status: 'succeeded'
  /** Where the video is: a URL, or a path where the directory store serves nobody. */
  output_url: string
  key: string
  bytes: number
  sha256: string
  /** Pictures of it, where the job wanted them. */
  poster?: StoredPicture
  preview?: StoredPicture
  width: number
  height: number
  duration_sec: number
  fps: number
  frames: number
  frames_without_face: number
  /** Whose mouth was drawn; absent where none was. */
  face?: TakenFace
  bundle: { name: string; version: string; id: string }
  /** Seconds; stages overlap, so they may add up to more than `total_time`. */
  stage_times: Record<'download' | Stage | 'upload', number>
  total_time: number
  /** Seconds of work per second of video: below 1 is faster than real time. */
  realtime_factor: number
  peak_memory_mb: number
  metadata: Record<string, unknown>
  deduplicated: boolean
}

export type Phase =
  'downloading' | 'inference' | 'inferring' | 'encoding' | 'uploading' | 'completed'

export interface FrameCounts {
  frames_done?: number
  frames_total?: number
}

/** What every event carries. */
export interface EventBase {
  seq: number
  job_id: string
  phase: Phase
  /** 0..1, never falling. */
  progress: number
  eta_sec: number | null
  metrics: FrameCounts
  /** The job's own, as it came; absent where the job could not be read. */
  metadata?: Record<string, unknown>
  /** ISO 8601. */
  at: string
}

export type JobEvent =
  | (EventBase & { type: 'job.started' | 'job.progress'; status: 'running' })
  | (EventBase & { type: 'job.succeeded'; status: 'succeeded'; result: JobResult })
  | (EventBase & { type: 'job.failed'; status: 'failed'; error: ErrorPayload })
  | (EventBase & { type: 'job.canceled'; status: 'canceled'; error: ErrorPayload })
