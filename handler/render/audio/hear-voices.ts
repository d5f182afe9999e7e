import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RenderContext } from '../render-context.ts'
import type { FrameSpan } from '../frames/frame-schedule.ts'
import { fps, type AudioInfo, type Rate } from '../media/media-info.ts'
import { trimSound } from '../media/trim-media.ts'
import type { Voice } from '../voice.ts'
import type { SpeakingVoice } from './soundtrack.ts'
import { extractSpeechFeatures } from './speech-features.ts'

/**
 * Listen to the recordings of a job, one after the other.
 *
 * @param facts of each recording
 * @param wanted frames of the result, the only ones that are asked for
 * @throws as `extractSpeechFeatures` does; InputError INVALID_JOB
 */
export async function hearVoices(
  voices: readonly Voice[],
  facts: readonly AudioInfo[],
  rate: Rate,
  ruleSet: 'recommended' | 'reference',
  ctx: RenderContext,
  wanted?: FrameSpan,
): Promise<AsyncDisposable & { voices: SpeakingVoice[] }> {
  await using opened = new AsyncDisposableStack()
  const heard: SpeakingVoice[] = []
  for (const [i, { audio: file, speech: trim, span }] of voices.entries()) {
    const sound = { file, facts: trimSound(facts[i]!, trim) }
    const dir = join(ctx.dir, `voice-${i}`)
    await mkdir(dir, { recursive: true })
    const begins = span ? Math.round(span.from * fps(rate)) : 0
    const own = wanted && { from: wanted.from - begins, to: wanted.to - begins }
    const speech = await extractSpeechFeatures(sound, rate, ruleSet, { ...ctx, dir }, own)
    opened.use(speech)
    heard.push({ ...sound, speech, span })
  }
  const open = opened.move()
  return { voices: heard, [Symbol.asyncDispose]: () => open.disposeAsync() }
}
