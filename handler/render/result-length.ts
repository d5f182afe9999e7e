import { InputError } from '../errors.ts'
import { fps, type Rate, type VideoInfo } from './media/media-info.ts'
import type { MediaLimits } from './media/probing/media-limits.ts'
import { assertDuration } from './media/probe.ts'
import type { Length } from './render-options.ts'
import { hasSpans, type Voice } from './voice.ts'

/** What of a voice decides how long it is heard. */
type VoiceLength = Pick<Voice, 'span'> & { speech: { frames: number } }

interface LengthPlan {
  facts: Pick<VideoInfo, 'still'>
  /** Of the result. */
  rate: Rate
  /** More frames no source may have. */
  maxFrames: number
}

/** Frames of the result until the last voice has spoken. */
export const spokenFrames = (voices: readonly VoiceLength[], rate: Rate): number =>
  Math.max(
    ...voices.map(({ speech, span }) =>
      span ? Math.max(1, Math.round(span.to! * fps(rate))) : speech.frames,
    ),
  )

/** Only frames that will be shown are worth looking at; some files tell their length at their end. */
export const framesToScan = (length: Length, spoken: number, maxFrames: number): number =>
  Math.min(scanWish(length, spoken), maxFrames + 1)

function scanWish(length: Length, spoken: number): number {
  if (length === 'video' || length === 'longest') return Infinity
  return length === 'remap' ? MAX_SPEED * spoken + 1 : spoken
}

/**
 * Frames of the result.
 *
 * @param count frames of the source that will be looked at
 * @throws InputError MEDIA_TOO_LONG; INVALID_JOB where it would play too fast or too slowly, or end before a voice begins
 */
export function resultFrames(
  length: Length,
  voices: readonly VoiceLength[],
  count: number,
  { facts: { still }, rate, maxFrames }: LengthPlan,
  { maxVideoS }: Pick<MediaLimits, 'maxVideoS'>,
): number {
  if (count > maxFrames) assertDuration('video', count / fps(rate), maxVideoS)
  const spoken = spokenFrames(voices, rate)
  const total = outputFrames(length, spoken, count, still && hasSpans(voices))
  if (length === 'remap' && !still) assertSpeed(count / total)
  assertSpansBegin(voices, total, rate)
  return total
}

/** @param still whose time is that of what is spoken over it, where spans are */
function outputFrames(length: Length, spoken: number, count: number, still: boolean): number {
  switch (length) {
    case 'audio':
    case 'loop':
    case 'remap':
      return spoken
    case 'video':
      return still ? spoken : count
    case 'shortest':
      return Math.min(spoken, count)
    case 'longest':
      return Math.max(spoken, count)
  }
}

const MIN_SPEED = 0.5
const MAX_SPEED = 2

/** People would move like puppets, or like flies. */
function assertSpeed(speed: number): void {
  if (speed >= MIN_SPEED && speed <= MAX_SPEED) return
  const found = speed > MAX_SPEED ? `more than ${MAX_SPEED}` : speed.toFixed(2)
  const message = `length: "remap" would play the video at ${found} times its speed; ${MIN_SPEED} to ${MAX_SPEED} are possible`
  throw new InputError('INVALID_JOB', message)
}

/** A span that ends after the result is cut; one that begins after it is refused. */
function assertSpansBegin(voices: readonly VoiceLength[], total: number, rate: Rate): void {
  const endS = total / fps(rate)
  for (const { span } of voices) {
    if (!span || span.from < endS) continue
    const message = `segments: one begins at ${span.from} s; the result ends after ${endS.toFixed(2)} s`
    throw new InputError('INVALID_JOB', message)
  }
}
