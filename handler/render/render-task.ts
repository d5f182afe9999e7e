import type { Log } from '../log.ts'
import type { Stage } from './render-context.ts'
import type { WantedPictures } from './encode/pictures.ts'
import type { Provenance } from './encode/provenance.ts'
import type { Span } from './media/trim-media.ts'
import type { MediaLimits } from './media/probing/media-limits.ts'
import type { RenderOptions, TakenFace } from './render-options.ts'
import type { DrawStep, SplitFindings, SplitStep } from './split/split-step.ts'
import type { SourceSound, Voice } from './voice.ts'

/** One render, as it crosses to the process that does it: files and plain values. */
export interface RenderTask {
  video: string
  /** Who speaks what, at least one; no two of one face at once. */
  voices: readonly Voice[]
  /** Integrated loudness of the result, LUFS; as it comes where unset. */
  loudness?: number | undefined
  /** What becomes of the source's own sound; replaced where unset. */
  sound?: SourceSound | undefined
  /** Where the mp4 goes; its folder exists. */
  output: string
  /** A folder of this render's own, removed by whoever made it. */
  dir: string
  /** Seconds of the video that make the result. */
  trim?: Span | undefined
  options: Omit<RenderOptions, 'face'>
  /** Made beside the result, under its name and their endings. */
  pictures?: WantedPictures
  /** Written into the result; nothing is where unset. */
  provenance?: Provenance
  limits: MediaLimits
  batchSize?: number
  /** How long a part is, about, where several renders can work on one job; seconds. */
  splitSeconds?: number | undefined
  /** Only a step of what is asked for. */
  split?: SplitStep
}

export interface RenderReport {
  width: number
  height: number
  fps: number
  frames: number
  duration_sec: number
  frames_without_face: number
  /** Absent where nothing was drawn. */
  face?: TakenFace
  bundle: { name: string; version: string; id: string }
  encoder: string
  /** Largest resident size of the process that rendered, MB; ffmpeg's are not in it. */
  peak_memory_mb: number
  /** Seconds; stages overlap. */
  stage_times: Record<Stage, number>
  /** Of a step. */
  split?: SplitFindings
}

export interface RenderCall {
  signal: AbortSignal
  /** Frames of the result that are finished. */
  onProgress(done: number, total: number): void
  /** Source frames that were looked at, where all are before the first frame of the result is drawn. */
  onScanned?(done: number, total: number): void
  /** Others who may draw parts of it; nobody where unset. */
  elsewhere?: Elsewhere | undefined
  /** The render begins anew: what was written counts no more, and will be overwritten. */
  onRestart?(): void
  /** Told of each stage that has ended, well or badly; of parts that are drawn here too. */
  onStage?: ((stage: Stage, seconds: number) => void) | undefined
  log: Log
}

/** Others who may draw parts of a result. */
export interface Elsewhere {
  /** @param file where the part goes */
  offer(step: DrawStep, index: number, file: string): Promise<OfferedPart>
}

/** A part that whoever comes first may draw. */
export interface OfferedPart {
  /** To draw it here. @returns false where another has begun */
  takeBack(): Promise<boolean>
  /**
   * Wait for another to draw it.
   * @returns undefined where it must be drawn here: it was taken back, or cannot be had
   * @throws JobError with which it failed; the signal's reason
   */
  drawn(
    signal: AbortSignal,
    onProgress: (frames: number) => void,
  ): Promise<RenderReport | undefined>
  /**
   * Nothing is left of it, and whoever draws it stops.
   * @param reason why the whole job was given up, where it was: who goes on with it may want the part
   */
  withdraw(reason?: unknown): Promise<void>
}

/** Files in, one finished mp4 out. Implemented in this process, or by one that may be killed. */
export type Render = (task: RenderTask, call: RenderCall) => Promise<RenderReport>
