import type { Tensors } from '../../../models/inference/tensor.ts'
import type { PlayMode } from '../frames/frame-schedule.ts'
import type { OutputSpan } from '../split/split-step.ts'
import type { FacePlacement, ScanResult } from './avatar-cache.ts'
import type { SeenUpTo } from './joint.ts'

/** A source frame in the order of the output, and what is known of it. */
export interface SourceFrame {
  /** Belongs to whoever gets it. */
  frame: Uint8Array
  /** Absent without a face. */
  placement: FacePlacement | undefined
  /** What `generate` and the composite need of the face; only where there is one. */
  record(): Promise<Uint8Array>
}

/** Everything about the source that does not depend on the speech. */
export interface Avatar extends AsyncDisposable {
  /** Source frames that were looked at until now; for a part, those of the whole. */
  readonly count: number
  readonly withoutFace: number
  /** Source frames that a part is the first to show; absent where all of the source was looked at. */
  readonly firstShown?: number
  /** The face in the first frame where it was seen until now. */
  readonly first: ScanResult['first']
  /** What is true of the clip as a whole: fed to `generate` beside the state of each frame. */
  readonly clip: Tensors
  /** What is known of a source frame; only of an avatar whose source was looked at before. */
  at?(index: number): Pick<SourceFrame, 'placement' | 'record'>
  /** What output frames show, in order; once. */
  play(span: OutputSpan, mode: PlayMode): AsyncGenerator<SourceFrame>
  /** What is known of the source up to one of its frames; of a part, after it was played. */
  seenUpTo(index: number): SeenUpTo
}

export const recordOfNothing = (): Promise<never> =>
  Promise.reject(new RangeError('there is no record of a frame without a face'))
