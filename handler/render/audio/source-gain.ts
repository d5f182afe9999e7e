import type { HeardVoice } from '../frames/script.ts'
import type { SourceSound } from '../voice.ts'
import { SAMPLE_RATE } from './feature-windows.ts'
import { speechWeights } from './silence-detection.ts'

export const STEPS_PER_S = 1000
const MUTE_S = 0.02 // how a cut begins and ends, outside of its span
const DUCK_S = 0.25 // how the source comes back after the last word
const LEVELS = { num: 100, den: 1 } // per second

/**
 * How loud the source's own sound is, 0..1 per millisecond, f32, a second more than the result has: gone
 * in the spans of others, or where it is kept, quieter while somebody speaks.
 */
export function sourceGain(
  voices: readonly HeardVoice[],
  policy: SourceSound,
  seconds: number,
): Float32Array {
  const gain = new Float32Array(Math.ceil((seconds + 1) * STEPS_PER_S)).fill(1)
  for (const voice of voices) {
    if (policy === 'replace') mute(gain, voice)
    else duck(gain, voice, 10 ** (policy.keepDb / 20))
  }
  return gain
}

function mute(gain: Float32Array, { span }: HeardVoice): void {
  if (!span) return void gain.fill(0)
  const [from, to] = [span.from * STEPS_PER_S, span.to! * STEPS_PER_S]
  const ramp = MUTE_S * STEPS_PER_S
  for (let i = Math.max(0, Math.floor(from - ramp)); i < Math.min(gain.length, to + ramp); i++) {
    const outside = Math.max(from - i, i - to, 0)
    gain[i] = Math.min(gain[i]!, outside / ramp)
  }
}

function duck(gain: Float32Array, { speech, span }: HeardVoice, low: number): void {
  const first = (span?.from ?? 0) * STEPS_PER_S
  const spokenS = Math.min((span?.to ?? Infinity) - (span?.from ?? 0), speech.samples / SAMPLE_RATE)
  const spoken = spokenS * STEPS_PER_S
  const ramp = DUCK_S * STEPS_PER_S
  const perLevel = STEPS_PER_S / LEVELS.num
  const weights = speechWeights(speech.loudness, Math.ceil(spokenS * LEVELS.num) + 1, LEVELS)
  for (let i = Math.max(0, Math.floor(first - ramp)); i < gain.length; i++) {
    const at = i - first
    if (at > spoken + ramp) break
    const near = 1 - Math.min(1, Math.max(-at, at - spoken, 0) / ramp)
    const inside = Math.min(spoken, Math.max(0, at)) / perLevel
    const weight = near * (weights[Math.floor(inside)] ?? 1)
    gain[i] = Math.min(gain[i]!, 1 - weight * (1 - low))
  }
}
