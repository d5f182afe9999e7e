import type { RenderContext } from '../render-context.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { SourceAudio } from '../media/probe.ts'
import { hasSpans, type SourceSound } from '../voice.ts'
import { atLoudness } from './loudness.ts'
import {
  mixedSoundtrack,
  plainSoundtrack,
  type Soundtrack,
  type SpeakingVoice,
} from './soundtrack.ts'

/** What a job says of its sound; see `RenderTask`. */
export interface SoundWishes {
  sound?: SourceSound | undefined
  loudness?: number | undefined
}

/**
 * The sound of a result: the one recording as it is, or a mix of all, where the job asks for more.
 *
 * @param own the video and its sound, where it has any
 * @throws as `atLoudness` does
 */
export async function chooseSoundtrack(
  { sound = 'replace', loudness }: SoundWishes,
  voices: readonly SpeakingVoice[],
  own: { file: string; sound: SourceAudio } | undefined,
  total: number,
  facts: VideoInfo,
  ctx: RenderContext,
): Promise<Soundtrack> {
  const isOwnHeard = sound !== 'replace' || hasSpans(voices)
  if (voices.length === 1 && !isOwnHeard && loudness === undefined) {
    return plainSoundtrack(voices[0]!, total, facts, ctx)
  }
  const under = isOwnHeard ? own : undefined
  const mixed = await mixedSoundtrack(voices, under, sound, total, facts, ctx)
  return loudness === undefined ? mixed : atLoudness(mixed, loudness, ctx)
}
