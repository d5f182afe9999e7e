import { fps, type Rate, type StreamInfo } from './media-info.ts'

/** Below this nobody sees speech, above it nobody sees a difference. */
const MIN_FPS = 5
export const MAX_FPS = 120
const STILL: Rate = { num: 25, den: 1 }

/** Whether pictures come at uneven times: the average rate is not the one that the stream claims. */
export const isVariable = ({ average, base }: StreamInfo): boolean =>
  !average || !base || Math.abs(fps(average) / fps(base) - 1) > 0.005

/**
 * The rate at which a source is read, and the result's where the job names none: that of its pictures,
 * within 5 to 120 a second. A variable one becomes its average, which has no exact fraction.
 */
export function chooseFrameRate(stream: StreamInfo, still: boolean): Rate {
  if (still) return STILL
  const rate = stream.average ?? stream.base ?? STILL
  if (fps(rate) < MIN_FPS) return { num: MIN_FPS, den: 1 }
  if (fps(rate) > MAX_FPS) return { num: MAX_FPS, den: 1 }
  return isVariable(stream) ? { num: Math.round(fps(rate) * 1000), den: 1000 } : rate
}

/** A rate somebody typed: 29.97 means 30000/1001. */
export function parseFps(fps: number): Rate {
  if (Number.isInteger(fps)) return { num: fps, den: 1 }
  const ntsc = Math.ceil(fps)
  if (Math.abs((ntsc * 1000) / 1001 - fps) < 0.005) return { num: ntsc * 1000, den: 1001 }
  return { num: Math.round(fps * 1000), den: 1000 }
}
