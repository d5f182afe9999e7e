import { InputError } from '../../errors.ts'
import { durationOf, offsetOf } from './media-clock.ts'
import type { ProbeResult, StreamInfo } from './media-info.ts'

/** Formats without an index: what they say of their length was read off what is there. */
const OPEN_ENDED = /mpeg|^(aac|ac3|eac3|dts|loas|amr|h264|hevc|m4v|obu|ogg)/

/**
 * How long a file says that a stream is, where it speaks of this stream alone; less than that means
 * that somebody sent a part of the file.
 */
export function statedDuration(stream: StreamInfo, found: ProbeResult): number | undefined {
  if (OPEN_ENDED.test(found.format)) return undefined
  const media = found.streams.filter(({ kind, cover }) => kind !== 'other' && !cover)
  if (stream.durationS === undefined && media.length > 1) return undefined
  // A tag that speaks of more than the whole file was copied from another one.
  if (stream.durationS! > (found.durationS ?? Infinity) + 1) return undefined
  const { share = 1 } = found
  const presentS = stream.durationS ?? found.durationS
  if (share < 1) return presentS && presentS / share
  const durationS = durationOf(stream, found)
  return durationS && durationS - offsetOf(stream, found)
}

/** How far files may be off that nobody cut: encoders pad, decoders swallow. */
const TOLERANCE_S = 0.25
const TOLERANCE = 0.02

/** @throws InputError MEDIA_UNREADABLE for a stream that ends before the end that its file states */
export function assertWhole(role: string, statedS: number | undefined, endS: number): void {
  if (statedS === undefined || endS >= statedS * (1 - TOLERANCE) - TOLERANCE_S) return
  const [ends, states] = [endS, statedS].map((seconds) => seconds.toFixed(1))
  const message = `the ${role} input is cut off: it ends after ${ends} s, and says that it lasts ${states} s; send all of it`
  throw new InputError('MEDIA_UNREADABLE', message)
}

/**
 * Of a file that says how large it is, and not how long.
 * @param share of it that is there
 * @throws InputError MEDIA_UNREADABLE
 */
export function assertPresent(role: string, share: number): void {
  if (share >= 1 - TOLERANCE) return
  const percent = Math.floor(share * 100)
  const message = `the ${role} input is cut off: ${percent} % of it is there; send all of it`
  throw new InputError('MEDIA_UNREADABLE', message)
}

/** What ffmpeg says of a file that ends within something. */
export const endsWithin = (stderr: string): boolean =>
  /partial file|File ended prematurely/i.test(stderr)
