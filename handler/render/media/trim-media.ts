import { InputError } from '../../errors.ts'
import { fps, type AudioInfo, type VideoInfo } from './media-info.ts'

/** Seconds [from, to) of a file; to its end where `to` is unset. */
export interface Span {
  from: number
  to?: number | undefined
}

/**
 * The facts of a part of a video, which is decoded as if it were all of it: both ends at the nearest
 * frame of `facts.rate`, at least one frame. A still has no parts.
 *
 * @throws InputError INVALID_JOB where it begins after the end that the video's file states
 */
export function trimVideo(facts: VideoInfo, trim: Span | undefined): VideoInfo {
  if (!trim || facts.still) return facts
  assertBegins('trim', trim, facts.statedS)
  const first = Math.round(trim.from * fps(facts.rate))
  const end = trim.to === undefined ? Infinity : Math.round(trim.to * fps(facts.rate))
  const durationS = lengthOf(trim, facts.durationS)
  return {
    ...facts,
    trim: { first, ...(end < Infinity && { count: Math.max(1, end - first) }) },
    ...(durationS !== undefined && { durationS }),
  }
}

/**
 * The facts of a part of a recording, to the sample where its sample rate is known.
 *
 * @throws InputError INVALID_JOB where it begins after the end that the recording's file states
 */
export function trimSound(facts: AudioInfo, speech: Span | undefined): AudioInfo {
  if (!speech) return facts
  assertBegins('speech', speech, facts.statedS)
  const { sampleRate, samples } = facts
  const at = (seconds: number) =>
    sampleRate ? `_sample=${Math.round(seconds * sampleRate)}` : `=${seconds}`
  const end = speech.to === undefined ? '' : `:end${at(speech.to)}`
  const cut = `atrim=start${at(speech.from)}${end},asetpts=N/SR/TB`
  const durationS = lengthOf(speech, facts.durationS)
  const { samples: _, ...rest } = facts
  return {
    ...rest,
    cut,
    clock: `${facts.clock},${cut}`,
    statedS: lengthOf(speech, facts.statedS),
    ...(durationS !== undefined && { durationS }),
    ...(samples && sampleRate && { samples: samplesOf(speech, samples, sampleRate) }),
  }
}

function samplesOf({ from, to = Infinity }: Span, samples: number, sampleRate: number): number {
  const first = Math.round(from * sampleRate)
  return Math.max(0, Math.min(samples, Math.round(to * sampleRate)) - first)
}

/** @param wholeS of the file, where that is known */
const lengthOf = ({ from, to }: Span, wholeS: number | undefined): number | undefined =>
  wholeS === undefined ? undefined : Math.max(0, Math.min(wholeS, to ?? wholeS) - from)

/** What was strung together knows no length of its own: it is read to see whether the part is there. */
function assertBegins(field: 'trim' | 'speech', { from }: Span, statedS: number | undefined) {
  if (statedS === undefined || from < statedS) return
  const [what, lasts] = [field === 'trim' ? 'video' : 'recording', statedS.toFixed(2)]
  const message = `${field}: begins at ${from} s; the ${what} lasts ${lasts} s`
  throw new InputError('INVALID_JOB', message)
}
