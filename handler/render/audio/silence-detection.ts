import { fps, type Rate } from '../media/media-info.ts'
import { SAMPLE_RATE } from './feature-windows.ts'

const STEP = SAMPLE_RATE / 100 // 10 ms
const MIN_PAUSE_S = 0.5
const FADE_S = 0.25

/** How loud a recording is over time: dBFS (rms) per 10 ms. */
export interface Loudness {
  levels: readonly number[]
}

export interface LoudnessMeter {
  add(pcm: Float32Array): void
  finish(): Loudness
}

export function createRmsMeter(): LoudnessMeter {
  const levels: number[] = []
  let [energy, count] = [0, 0]
  const flush = () => {
    levels.push(10 * Math.log10(energy / count + 1e-12))
    ;[energy, count] = [0, 0]
  }
  return {
    add(pcm) {
      for (let i = 0; i < pcm.length; i++) {
        energy += pcm[i]! * pcm[i]!
        if (++count === STEP) flush()
      }
    },
    finish() {
      if (count > 0) flush()
      return { levels }
    },
  }
}

/**
 * How much of the generated mouth each output frame shows: 1 while somebody speaks, fading to 0 in
 * pauses of at least half a second. A pause is 30 dB below the loud parts, or below -55 dBFS.
 */
export function speechWeights({ levels }: Loudness, frames: number, rate: Rate): Float32Array {
  const loud = [...levels].toSorted((a, b) => a - b)[Math.floor(levels.length * 0.95)] ?? -120
  const quiet = Math.max(-55, loud - 30)
  const weights = new Float32Array(frames).fill(1)
  for (const [fromS, toS] of silentRanges(levels, quiet)) {
    for (
      let i = Math.max(0, Math.ceil(fromS * fps(rate)));
      i < Math.min(frames, toS * fps(rate));
      i++
    ) {
      const t = i / fps(rate)
      const inside = Math.min(fromS === 0 ? Infinity : t - fromS, toS - t)
      weights[i] = 1 - Math.min(1, Math.max(0, inside / FADE_S))
    }
  }
  return weights
}

function* silentRanges(levels: readonly number[], quiet: number): Generator<[number, number]> {
  let from = 0
  for (let i = 0; i <= levels.length; i++) {
    if (i < levels.length && levels[i]! < quiet) continue
    if ((i - from) / 100 >= MIN_PAUSE_S)
      yield [from / 100, i === levels.length ? Infinity : i / 100]
    from = i + 1
  }
}
