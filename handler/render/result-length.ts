import { InputError } from '../errors.ts'
import type { Avatar } from './avatar/avatar.ts'
import type { HeardVoice } from './frames/script.ts'
import { fps, type Rate } from './media/media-info.ts'
import type { Length } from './render-options.ts'

/** Frames of the result until the last voice has spoken. */
export const spokenFrames = (voices: readonly HeardVoice[], rate: Rate): number =>
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

/** @param still whose time is that of what is spoken over it, where spans are */
export function outputFrames(
  length: Length,
  spoken: number,
  { count }: Pick<Avatar, 'count'>,
  still: boolean,
): number {
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

/** @throws InputError INVALID_JOB where people would move like puppets, or like flies */
export function assertSpeed(speed: number): void {
  if (speed >= MIN_SPEED && speed <= MAX_SPEED) return
  const found = speed > MAX_SPEED ? `more than ${MAX_SPEED}` : speed.toFixed(2)
  const message = `length: "remap" would play the video at ${found} times its speed; ${MIN_SPEED} to ${MAX_SPEED} are possible`
  throw new InputError('INVALID_JOB', message)
}

/** @throws InputError INVALID_JOB for a span that the result ends before; one that ends after it is cut */
export function assertSpansBegin(voices: readonly HeardVoice[], total: number, rate: Rate): void {
  const endS = total / fps(rate)
  for (const { span } of voices) {
    if (!span || span.from < endS) continue
    const message = `segments: one begins at ${span.from} s; the result ends after ${endS.toFixed(2)} s`
    throw new InputError('INVALID_JOB', message)
  }
}
