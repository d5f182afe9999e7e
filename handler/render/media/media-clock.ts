import { fps, type ProbeResult, type Rate, type StreamInfo, type VideoInfo } from './media-info.ts'

/**
 * What time means, for all who read a file: what a player shows and plays is what is rendered.
 *
 * - Zero is the first picture that is shown and the first sample that is heard: the two come from
 *   different files, so neither waits for what else lies in its own.
 * - A picture stays until the next one is due. A gap between samples is silence; samples that overlap
 *   earlier ones are dropped.
 * - A clock that falls back by more than a second was started anew (recordings that were strung
 *   together): it goes on from where it was. In files that have no clock of their own, but that of a
 *   broadcast or a stream, a tenth of a second is enough, and so is a jump of ten ahead.
 * - Files whose samples have no times of their own are played back to back.
 */
const RESTARTS_S = { back: 1, ahead: Infinity }
const STREAM_RESTARTS_S = { back: 0.1, ahead: 10 }
const STREAMS = /mpeg|ogg/

/**
 * `PTS` from zero on. ld(1) is what restarts have added to the clock so far, ld(3) when the next picture
 * or sample is due; both are 0 at first.
 */
function steadyClock(lastS: string, { back, ahead } = RESTARTS_S): string {
  const isBehind = `lt(ld(2),ld(3)-${back}/TB)`
  const isAhead = ahead < Infinity ? `+gt(ld(2),ld(3)+${ahead}/TB)` : ''
  const goOn = 'st(1,ld(1)+ld(3)-ld(2));st(2,ld(3))'
  return `st(2,PTS-STARTPTS+ld(1));if(${isBehind}${isAhead},${goOn});st(3,ld(2)+${lastS}/TB);ld(2)`
}

/** How far samples may be from their times before a player notices: less than a frame of 25 a second. */
const TOLERANCE_S = 0.03

/** Containers that say when each piece of sound is played. */
const TIMED = /mov|matroska|ogg|flv|mpeg|asf|mxf/

/**
 * Said wherever sound is read: ffmpeg keeps its own hands off the times. Where strung recordings bear the same
 * number, it takes the head of the second one for sound, and makes a second of silence of it.
 */
export const OWN_TIMES = ['-copyts'] as const

/**
 * The filters that put samples where they are heard, of the times that the file gives them (`OWN_TIMES`).
 * @param backToBack as librosa reads them, whatever their times are
 */
export function soundClock(format: string, backToBack: boolean): string {
  if (backToBack || !TIMED.test(format)) return 'asetpts=N/SR/TB'
  const fill = `aresample=async=1:min_hard_comp=${TOLERANCE_S}`
  const restarts = STREAMS.test(format) ? STREAM_RESTARTS_S : RESTARTS_S
  return `asetpts='${steadyClock('NB_SAMPLES/SR', restarts)}',${fill}`
}

/**
 * The filters that show pictures at an even rate, counted from the first one or, after a seek, from
 * picture `first`, which then comes half a frame after zero. Where a clock jumps ahead, what lies beyond
 * the wanted pictures comes right after them: nobody repeats a picture for the hours between.
 */
export function pictureClock(rate: Rate, { first, count }: { first: number; count: number }) {
  const frameS = 1 / fps(rate)
  const time = first === 0 ? steadyClock(String(frameS)) : `PTS-${frameS / 2}/TB`
  const end = (count + 1) * frameS
  return `setpts='st(2,${time});min(${end}/TB,ld(2))',fps=${rate.num}/${rate.den}:round=near`
}

/**
 * How a part of a source is reached whose first frame nothing was seen of yet: by a seek to a second
 * before it, for what a decoder shows right after a seek may be incomplete; from the start of the file
 * where times do not name frames.
 * @returns the frame to begin with, and how many are dropped
 */
export function leadIn(facts: VideoInfo, first: number) {
  const dropped = seeksExactly(facts) ? Math.min(first, Math.ceil(fps(facts.rate))) : first
  return { from: first - dropped, dropped }
}

/** Whether a time names one frame, so that a seek may find it. */
export const seeksExactly = ({ rate, ownRate, seekable }: VideoInfo): boolean =>
  seekable && rate.num * ownRate.den === ownRate.num * rate.den

/** Half a frame early, so that rounding of timestamps cannot lose the frame that is meant. */
export const seekTo = (rate: Rate, first: number, offsetS: number): string[] =>
  first === 0 ? [] : ['-ss', String(offsetS + (first - 0.5) / fps(rate))]

/** The first picture's or sample's distance from the container's own start; seeks count from the latter. */
export const offsetOf = ({ startS }: StreamInfo, { startS: origin }: ProbeResult): number =>
  Math.max(0, (startS ?? 0) - (origin ?? startS ?? 0))

/** Containers that count their duration from zero, wherever their first timestamp lies. */
const FROM_ZERO = /matroska|flv|asf/

/** Formats whose bit rate is their codec's, so that a guess from it is none. */
const CONSTANT_RATE = /^(wav|aiff|au|amr|ac3|eac3|dts)/

/** Formats whose length is read off their last timestamp, wherever the first lies and however they jump. */
const BY_TIMESTAMPS = /^(mpeg|ogg)/
/** The slowest that anybody sends: a picture a second, or a telephone's voice. */
const LEAST_BYTES_PER_S = 500

/**
 * How long a stream is, as far as its file can know: not where that is a guess from its bit rate, nor
 * where the timestamps of a broadcast count hours that are not in it.
 * @returns seconds
 */
export function durationOf(stream: StreamInfo, found: ProbeResult): number | undefined {
  if (found.estimated && !CONSTANT_RATE.test(found.format)) return undefined
  const { bytes = Infinity, durationS: wholeS = 0 } = found
  if (BY_TIMESTAMPS.test(found.format) && bytes < wholeS * LEAST_BYTES_PER_S) return undefined
  const durationS = stream.durationS ?? found.durationS
  const startS = stream.startS ?? found.startS ?? 0
  const counted = FROM_ZERO.test(found.format) && startS > 0 && durationS! > startS
  return counted ? durationS! - startS : durationS
}
