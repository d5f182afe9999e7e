import type { Box } from '../../models/pixels/image.ts'
import type { WantedFormat } from './encode/output-formats.ts'
import type { OutputFrame } from './output-frame.ts'

/** What decides how long the result is. */
export const LENGTHS = ['audio', 'video', 'shortest', 'longest', 'loop', 'remap'] as const
export type Length = (typeof LENGTHS)[number]

/** What pauses show: the model's mouth, or the untouched source. */
export const SILENCES = ['model', 'source'] as const

/** What of the head may be replaced. */
export const MASK_MODES = ['jaw', 'raw', 'neck'] as const

/**
 * Which face speaks: the largest, the one whose lips move with the source's own sound, the one in a box,
 * the person at a point of a frame (0 where unset), or exactly these boxes, one per source frame (null: no
 * face). Source pixels, right and bottom exclusive.
 */
export type FaceChoice =
  | 'largest'
  | 'speaking'
  | { box: Box }
  | { at: readonly [x: number, y: number]; frame?: number | undefined }
  | { boxes: readonly (Box | null)[] }

/** Whose mouth was drawn: where they were in the first frame in which they were seen. */
export interface TakenFace extends FoundFace {
  chosen: 'largest' | 'speaking' | 'box' | 'at' | 'boxes'
  /** How sure it is that they are who speaks in the source, 0..1; where they were chosen by that. */
  sureness?: number
}

/** A face in a frame. */
export interface FoundFace {
  /** Of the source. */
  frame: number
  /** Source pixels, right and bottom exclusive. */
  box: Box
  /** How sure the detector was that it is a face, 0..1; 1 for the job's own boxes. */
  confidence: number
}

/** What a job says of its video. */
export interface RenderOptions extends WantedFormat {
  face: FaceChoice
  length: Length
  /** Where a loop begins again its last picture fades into the first ones. */
  softCut?: boolean | undefined
  silence: (typeof SILENCES)[number]
  /** Of the result; the source's where unset. */
  fps?: number | undefined
  mask: (typeof MASK_MODES)[number]
  /** `reference`: as MuseTalk's own script computes it. */
  compat?: 'reference' | undefined
  /** What the result's pictures are fitted to. */
  frame: OutputFrame
  /** Quality on x264's scale; less is better and larger. */
  crf: number
  /** Kilobits a second of the pictures, or as many as the source's have; they win. */
  bitrate?: number | 'source' | undefined
  lossless: boolean
  /** The mp4 can be read while it is written. */
  fragmented?: boolean | undefined
}
