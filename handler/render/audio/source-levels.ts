import { JobError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import type { VideoInput } from '../media/decode-video.ts'
import { fps } from '../media/media-info.ts'
import { trimSound } from '../media/trim-media.ts'
import type { SourceAudio } from '../media/probe.ts'
import { audioChunks } from './decode-audio.ts'
import { playerDownmixFilter } from './resample-filter.ts'
import { createRmsMeter } from './silence-detection.ts'

/**
 * How loud the source's own sound is from its first picture on, dBFS per 10 ms.
 *
 * @param seconds that are wanted
 * @returns undefined where it ends before, or cannot be read: a result does without it
 */
export async function sourceLevels(
  { file, facts }: VideoInput,
  sound: SourceAudio,
  seconds: number,
  ctx: RenderContext,
): Promise<readonly number[] | undefined> {
  const from = (facts.trim?.first ?? 0) / fps(facts.rate) - sound.lateS
  const late = Math.max(0, -from)
  if (late >= seconds) return undefined
  const meter = createRmsMeter()
  try {
    const span = { from: Math.max(0, from), to: Math.max(0, from) + seconds - late }
    const { statedS: _, ...trimmed } = trimSound(sound, span)
    const input = playerDownmixFilter({ file, facts: trimmed }, ctx.ffmpeg)
    for await (const { pcm, newSamples } of audioChunks(input, 0, ctx)) {
      meter.add(pcm.subarray(...newSamples))
    }
  } catch (error) {
    if (error instanceof JobError && !ctx.signal.aborted) return undefined
    throw error
  }
  return [...Array<number>(Math.round(100 * late)).fill(-120), ...meter.finish().levels]
}
