import { speechWeights } from '../audio/silence-detection.ts'
import type { SpeechFeatures } from '../audio/speech-features.ts'
import { fps, type Rate } from '../media/media-info.ts'
import type { Span } from '../media/trim-media.ts'
import type { RenderOptions } from '../render-options.ts'

/** What one face says, frame by frame of the result. */
export interface Script {
  /** 0..1: how much of the drawn mouth a frame shows. */
  weight(index: number): number
  /** What the frames hear, one after the other; see `SpeechFeatures.prompts`. */
  prompts(indices: readonly number[], data: Float32Array): Promise<unknown>
}

/** A recording that was listened to, and the seconds of the result in which it is spoken. */
export interface HeardVoice {
  speech: SpeechFeatures
  span?: Required<Span> | undefined
}

const OUTRO_S = 0.2 // how the mouth returns to the source after the last word
const INTRO_S = 0.1 // how it leaves the source

interface Segment {
  speech: SpeechFeatures
  /** Frames [first, end) of the result; it speaks until `silent`. */
  first: number
  silent: number
  end: number
  /** Frames from the recording's first sample to `first`, which is the nearest one: -0.5 to 0.5. */
  late: number
  /** Another segment begins where it ends, or ends where it begins: the mouth need not go home between. */
  follows: boolean
  goesOn: boolean
  pauses: Float32Array | undefined
}

/**
 * The voices of one face as frames of the result: ends at the nearest frame, and a pause between two of
 * them that is shorter than a frame is none.
 *
 * @param voices of which no two are spoken at once
 * @param total frames of the result
 */
export function scriptOf(
  voices: readonly HeardVoice[],
  silence: RenderOptions['silence'],
  total: number,
  rate: Rate,
): Script {
  const segments = segmentsOf(voices, silence, total, rate)
  const [intro, outro] = [INTRO_S * fps(rate), OUTRO_S * fps(rate)]
  const segmentAt = (index: number) =>
    segments.find(({ first, end }) => index >= first && index < end)
  return {
    weight(index) {
      const segment = segmentAt(index)
      if (!segment || index >= segment.silent) return 0
      const { first, silent, follows, goesOn, pauses } = segment
      const leaving = first > 0 && !follows ? Math.min(1, (index - first + 1) / intro) : 1
      const ending = silent < total && !goesOn ? Math.min(1, (silent - index) / outro) : 1
      return Math.min(leaving, ending) * (pauses?.[index - first] ?? 1)
    },
    async prompts(indices, data) {
      const size = data.length / indices.length || 0
      for (let i = 0; i < indices.length;) {
        const segment = segmentAt(indices[i]!)!
        let next = i + 1
        while (next < indices.length && segmentAt(indices[next]!) === segment) next++
        const own = indices.slice(i, next).map((index) => index - segment.first + segment.late)
        await segment.speech.prompts(own, data.subarray(i * size, next * size))
        i = next
      }
    },
  }
}

function segmentsOf(
  voices: readonly HeardVoice[],
  silence: RenderOptions['silence'],
  total: number,
  rate: Rate,
): Segment[] {
  const placed = voices
    .map(({ speech, span }) => ({ speech, span, ...framesOf(span, total, rate) }))
    .toSorted((a, b) => a.first - b.first)
  return placed.map(({ speech, span, first, end: stated }, i) => {
    const [before, after] = [placed[i - 1], placed[i + 1]]
    const end = isJoined(span, after?.span, rate) ? after!.first : stated
    const silent = Math.min(end, first + speech.frames)
    return {
      ...{ speech, first, end, silent, late: lateness(first, span, rate) },
      follows: isJoined(before?.span, span, rate),
      goesOn: silent === end && isJoined(span, after?.span, rate),
      pauses: silence === 'source' ? speechWeights(speech.loudness, end - first, rate) : undefined,
    }
  })
}

/** The frames of a span: both ends at the nearest frame, none past the end of the result. */
function framesOf(span: Required<Span> | undefined, total: number, rate: Rate) {
  const at = (seconds: number) => Math.min(total, Math.round(seconds * fps(rate)))
  return span ? { first: at(span.from), end: at(span.to!) } : { first: 0, end: total }
}

/** The sound begins with the very sample, so the mouth hears between its frames. */
function lateness(first: number, span: Span | undefined, rate: Rate): number {
  const frames = span ? first - span.from * fps(rate) : 0
  return Math.round(frames * 1e6) / 1e6 // a whole number, where it was one before it was multiplied
}

const isJoined = (one: Span | undefined, next: Span | undefined, rate: Rate): boolean =>
  one !== undefined && next !== undefined && (next.from - one.to!) * fps(rate) < 1 - 1e-6
