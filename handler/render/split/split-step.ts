import type { Box } from '../../../models/pixels/image.ts'
import { restFrames } from '../face/smooth-track.ts'
import { shownIndex, type FrameSpan, type PlayMode } from '../frames/frame-schedule.ts'

/**
 * One step of a job that is rendered in parts: how long the result will be is measured once, parts of it
 * are drawn without sound, wherever, and joined.
 */
export type SplitStep = MeasureStep | DrawStep | JoinStep

export interface MeasureStep {
  do: 'measure'
}

/** Output frames [from, to) of `total`. */
export interface OutputSpan extends FrameSpan {
  total: number
}

/** A part of the whole result, as it is in it. */
export interface DrawStep extends OutputSpan {
  do: 'draw'
  /** Frames that are shown of the source, or more. */
  sourceFrames: number
  /** Follow the faces from the source's first frame: a seek, or a beginning in its middle, went wrong. */
  fromStart?: true
}

export interface JoinStep {
  do: 'join'
  total: number
  /** Files with the parts in their order. */
  parts: readonly string[]
}

/** What a step tells beside its report. */
export interface SplitFindings {
  /** Measured: as `DrawStep` wants it. */
  sourceFrames?: number
  part?: PartFindings
}

/** What a part knows that all must agree on, or that adds up. */
export interface PartFindings {
  faces: readonly FaceFindings[]
  /** The source around its first frame, and around the one that comes after its last. */
  first: Joint
  next?: Joint | undefined
}

/** Of one face that speaks; in the order of the job. */
export interface FaceFindings {
  withoutFace: number
  /** Source frames that no earlier part shows; absent where all of the source was looked at. */
  firstShown?: number | undefined
}

/** What a part knows of the source at a joint; both of its sides must know the same. */
export interface Joint {
  /** What the source's pictures look like before it. */
  pictures: number
  /** Where the faces are drawn. */
  boxes: readonly (Box | undefined)[]
}

/** Source frames [from, to) that are wanted; some around them are looked at as well. */
export interface SourceSpan {
  from: number
  to: number
  /** No frame from here on is looked at. */
  limit: number
  fromStart?: boolean | undefined
  /** Faces are smoothed over time, and rest. */
  smoothed?: boolean | undefined
  /** Told what each frame looks like that is looked at. */
  onSeen?(index: number, fingerprint: number): void
}

/** Until then the tracker knows what it would know, and its landmarks have settled. */
const LEAD_S = 2
/** After the wanted frames: what smoothing and the search for cuts look ahead, also of five frames a second. */
const AFTER_S = 1.25

/** Source frames that are looked at for a span: before it, from a lead before the region that rests in it was taken. */
export function lookedAt(span: SourceSpan, fps: number): { first: number; count: number } {
  const rest = span.smoothed ? span.from % restFrames(fps) : 0
  const first = span.fromStart ? 0 : Math.max(0, span.from - rest - Math.ceil(LEAD_S * fps))
  const end = Math.min(span.limit, span.to + Math.ceil(AFTER_S * fps))
  return { first, count: end - first }
}

/** What output frames [from, to), and the one after them, show of the source. */
export function shownSpan(step: DrawStep, mode: PlayMode): { from: number; to: number } {
  const { from, to, total, sourceFrames } = step
  // A source that is played to and fro within a part is held as a whole.
  if (to > sourceFrames && sourceFrames <= 2 * (to - from)) return { from: 0, to: sourceFrames }
  let [low, high] = [Infinity, 0]
  for (let i = from; i < Math.min(to + 1, total); i++) {
    const shown = shownIndex(mode, i, sourceFrames, total)
    low = Math.min(low, shown)
    high = Math.max(high, shown)
  }
  return { from: low, to: high + 1 }
}

/** A multiple of every usual batch: what a graph computes differs a little with who is in its batch. */
const WHOLE_BATCHES = 32

/** Parts of about `length` frames, as even as whole batches can be; shorter ones just as even as they can. */
export function cutEvenly(total: number, length: number): { from: number; to: number }[] {
  const count = Math.max(1, Math.ceil(total / length))
  const unit = length >= 3 * WHOLE_BATCHES ? WHOLE_BATCHES : 1
  const at = (i: number) => (i === count ? total : Math.round((i * total) / count / unit) * unit)
  return Array.from({ length: count }, (_, i) => ({ from: at(i), to: at(i + 1) }))
}
