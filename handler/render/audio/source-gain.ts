import type { HeardVoice } from '../frames/script.ts'
import type { SourceSound } from '../voice.ts'
import { SAMPLE_RATE } from './feature-windows.ts'
import { speechWeights } from './silence-detection.ts'

export const STEPS_PER_S = 1000
const MUTE_S = 0.02 // how a cut begins and ends, outside of its span
const DUCK_S = 0.25 // how the source comes back after the last word
const LEVELS = { num: 100, den: 1 } // per second

const PIECE = 60 * STEPS_PER_S // an hour's steps at once would be 14 MB

/** What one voice leaves of the source's sound: all of it outside of steps [from, to). */
interface Curve {
  from: number
  to: number
  at(step: number): number
}

/**
 * How loud the source's own sound is, 0..1 per millisecond, f32, a second more than the result has: gone
 * in the spans of others, or where it is kept, quieter while somebody speaks. In pieces of a minute.
 */
export function* sourceGain(
  voices: readonly HeardVoice[],
  policy: SourceSound,
  seconds: number,
): Generator<Float32Array> {
  const curves = voices.map((voice) =>
    policy === 'replace' ? mute(voice) : duck(voice, 10 ** (policy.keepDb / 20)),
  )
  const count = Math.ceil((seconds + 1) * STEPS_PER_S)
  for (let first = 0; first < count; first += PIECE) {
    const gain = new Float32Array(Math.min(PIECE, count - first)).fill(1)
    for (const { from, to, at } of curves) {
      const end = Math.min(to - first, gain.length)
      for (let i = Math.max(0, from - first); i < end; i++) {
        gain[i] = Math.min(gain[i]!, at(first + i))
      }
    }
    yield gain
  }
}

function mute({ span }: HeardVoice): Curve {
  if (!span) return { from: 0, to: Infinity, at: () => 0 }
  const [from, to] = [span.from * STEPS_PER_S, span.to! * STEPS_PER_S]
  const ramp = MUTE_S * STEPS_PER_S
  return {
    from: Math.floor(from - ramp),
    to: Math.ceil(to + ramp),
    at: (step) => Math.max(from - step, step - to, 0) / ramp,
  }
}

function duck({ speech, span }: HeardVoice, low: number): Curve {
  const first = (span?.from ?? 0) * STEPS_PER_S
  const spokenS = Math.min((span?.to ?? Infinity) - (span?.from ?? 0), speech.samples / SAMPLE_RATE)
  const spoken = spokenS * STEPS_PER_S
  const ramp = DUCK_S * STEPS_PER_S
  const perLevel = STEPS_PER_S / LEVELS.num
  const weights = speechWeights(speech.loudness, Math.ceil(spokenS * LEVELS.num) + 1, LEVELS)
  return {
    from: Math.floor(first - ramp),
    to: Math.ceil(first + spoken + ramp),
    at(step) {
      const at = step - first
      const near = 1 - Math.min(1, Math.max(-at, at - spoken, 0) / ramp)
      const inside = Math.min(spoken, Math.max(0, at)) / perLevel
      const weight = near * (weights[Math.floor(inside)] ?? 1)
      return 1 - weight * (1 - low)
    },
  }
}
