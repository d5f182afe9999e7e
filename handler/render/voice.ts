import type { Span } from './media/trim-media.ts'
import type { FaceChoice } from './render-options.ts'

/** A recording, and who speaks it when. */
export interface Voice {
  /** Its file. */
  audio: string
  /** Seconds of it that are spoken; all of it where unset. */
  speech?: Span | undefined
  /** Seconds of the result in which it is spoken; from the beginning, as long as it lasts, where unset. */
  span?: Required<Span> | undefined
  face: FaceChoice
}

/** The source's own sound: gone where somebody speaks, or kept under the speech, quieter by so many dB. */
export type SourceSound = 'replace' | { keepDb: number }

/** Whether only parts of the result are spoken. */
export const hasSpans = (voices: readonly Pick<Voice, 'span'>[]): boolean =>
  voices.some(({ span }) => span)
