import { fps, type Rate, type StreamInfo } from './media-info.ts'

/** Slower pictures are slides: lips that move at their rate would not be seen to speak. */
const SLIDES_FPS = 12
/** Above it nobody sees a difference. */
export const MAX_FPS = 120
export const STILL: Rate = { num: 25, den: 1 }
const REFERENCE_MIN: Rate = { num: 5, den: 1 }
/** Phones drop or delay a picture here and there. */
const DROPPED_NOW_AND_THEN = 0.01

/** Whether pictures come at uneven times: the average rate is not the one that the stream claims. */
export const isVariable = ({ average, base }: StreamInfo): boolean =>
  !average || !base || Math.abs(fps(average) / fps(base) - 1) > 0.005

/**
 * The rate of a stream's pictures, whatever it is.
 * @param measured what the first of them say, where the file's own word is in doubt
 */
export function ownRate(stream: StreamInfo, measured: Rate | undefined): Rate {
  const claimed = stream.frames === 1 ? undefined : stream.average
  // Theora says its rate, and sends no picture that is like the one before.
  const said = claimed ?? (stream.codec === 'theora' ? stream.base : undefined)
  const trusted = said && fps(said) <= MAX_FPS ? said : undefined
  return trusted ?? measured ?? claimed ?? stream.base ?? STILL
}

/**
 * The rate at which a source is read, and the result's where the job names none: that of its pictures,
 * up to 120 a second; for stills, and for pictures that come like slides, 25. A variable one becomes its
 * average, or the standard rate next to that.
 */
export function chooseFrameRate(
  stream: StreamInfo,
  measured: Rate | undefined,
  referenceMode: boolean,
): Rate {
  const rate = ownRate(stream, measured)
  if (fps(rate) > MAX_FPS) return { num: MAX_FPS, den: 1 }
  if (referenceMode && fps(rate) < fps(REFERENCE_MIN)) return REFERENCE_MIN
  if (!referenceMode && fps(rate) < SLIDES_FPS) return STILL
  if (rate === stream.average && !isVariable(stream)) return rate
  return nearestStandardRate(fps(rate), referenceMode ? 0 : DROPPED_NOW_AND_THEN)!
}

const STANDARD: Rate[] = [
  ...[24000, 30000, 48000, 60000, 120000].map((num) => ({ num, den: 1001 })),
  ...[5, 8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120].map((num) => ({ num, den: 1 })),
]

/** What ffmpeg's text loses when it rounds 24000/1001 to 23.98. */
const ROUNDED = 0.0006

/**
 * The standard rate that a figure stands for: 23.98 is 24000/1001, 29.97 is not 30.
 * @param within how far off it may be, as a share of it
 */
export function nearestStandardRate(
  figure: number | undefined,
  within = ROUNDED,
): Rate | undefined {
  if (!figure) return undefined
  const off = (rate: Rate) => Math.abs(fps(rate) / figure - 1)
  const nearest = STANDARD.reduce((best, rate) => (off(rate) < off(best) ? rate : best))
  return off(nearest) < within ? nearest : { num: Math.round(figure * 1000), den: 1000 }
}

/** A rate somebody typed: 29.97 means 30000/1001. */
export function parseFps(fps: number): Rate {
  if (Number.isInteger(fps)) return { num: fps, den: 1 }
  const ntsc = Math.ceil(fps)
  if (Math.abs((ntsc * 1000) / 1001 - fps) < 0.005) return { num: ntsc * 1000, den: 1001 }
  return { num: Math.round(fps * 1000), den: 1000 }
}
