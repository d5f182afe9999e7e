import type { Landmarks } from './face-box.ts'

/** Parts of a face that move by themselves: iBUG points from, to. */
const PARTS = [
  [0, 17], // jaw
  [17, 48], // brows, nose, eyes
  [48, 68], // lips
] as const
const GROUPS = 2 * PARTS.length // each part across and down
const VALUES = 136

const SCALES = 4 // each mean is twice as wide as the one before
const ENERGY_OFFSETS = [-2, -1, 0, 1, 2] // where motion is looked for, in halves of the wider sigma
const NOISE_THRESHOLD = 4 // energy that is taken for noise, in times of what noise alone has on average
const MAX_NOISE = 0.002 // most noise of a face graph, in sides of the face: 0.0007 to 0.0018 were seen

/**
 * Landmarks without noise and without lag. They are smoothed over time, evenly to both sides: widely
 * where that takes nothing but noise, narrowly where the face moves; each part for itself.
 *
 * What a wider mean takes away is motion and noise. Its energy around a frame is compared with what
 * noise alone would have there, and the part that exceeds it is kept (a Wiener filter by scales).
 *
 * @param shot landmarks of consecutive frames of one shot
 * @param at the frame in question
 * @param sigma of the narrowest mean, frames
 * @param side of the face, px
 */
export function denoiseLandmarks(
  shot: readonly Landmarks[],
  at: number,
  sigma: number,
  side: number,
): Landmarks {
  const kernels = Array.from({ length: SCALES }, (_, k) => gaussian(sigma * 2 ** k))
  const noise = noiseOf(shot, (MAX_NOISE * side) ** 2)
  const out = weightedMean(shot, weightsAt(at, kernels[0]!, shot.length))
  for (let k = 1; k < SCALES; k++) {
    const [narrow, wide] = [kernels[k - 1]!, kernels[k]!]
    const step = Math.max(1, Math.round(sigma * 2 ** (k - 1)))
    const near = ENERGY_OFFSETS.map((n) => at + n * step).filter((t) => t >= 0 && t < shot.length)
    const details = near.map((t) => {
      const wider = weightsAt(t, wide, shot.length)
      return weightedMean(
        shot,
        weightsAt(t, narrow, shot.length).map((weight, i) => weight - wider[i]!),
      )
    })
    const here = details[near.indexOf(at)]!
    const energies = details.map(energiesOf)
    const left = noiseGain(narrow, wide)
    for (let group = 0; group < GROUPS; group++) {
      const energy = energies.reduce((sum, of) => sum + of[group]!, 0) / energies.length
      const expected = NOISE_THRESHOLD * left * noise[group]!
      if (energy > 0) subtract(out, here, group, Math.min(1, expected / energy))
    }
  }
  return Float32Array.from(out)
}

function subtract(from: Float64Array, detail: Float64Array, group: number, share: number): void {
  const [first, end] = PARTS[group >> 1]!
  for (let i = 2 * first + (group & 1); i < 2 * end; i += 2) from[i]! -= share * detail[i]!
}

/** Mean square of each group. */
function energiesOf(detail: Float64Array): number[] {
  return Array.from({ length: GROUPS }, (_, group) => {
    const [first, end] = PARTS[group >> 1]!
    let sum = 0
    for (let i = 2 * first + (group & 1); i < 2 * end; i += 2) sum += detail[i]! ** 2
    return sum / (end - first)
  })
}

/**
 * Variance of each group's noise: of third differences, which motion hardly has, the median over the
 * shot. White noise of variance 1 gives them 1 + 9 + 9 + 1.
 */
function noiseOf(shot: readonly Landmarks[], most: number): number[] {
  const seen: number[][] = []
  const third = new Float64Array(VALUES)
  for (let t = 3; t < shot.length; t++) {
    const [a, b, c, d] = [shot[t - 3]!, shot[t - 2]!, shot[t - 1]!, shot[t]!]
    for (let i = 0; i < VALUES; i++) third[i] = a[i]! - 3 * b[i]! + 3 * c[i]! - d[i]!
    seen.push(energiesOf(third))
  }
  return Array.from({ length: GROUPS }, (_, group) => {
    const sorted = seen.map((energies) => energies[group]! / 20).toSorted((x, y) => x - y)
    return Math.min(most, sorted[sorted.length >> 1] ?? 0)
  })
}

/** Half of a Gaussian, its middle first. */
const gaussian = (sigma: number): Float64Array =>
  Float64Array.from({ length: Math.ceil(3 * sigma) + 1 }, (_, d) =>
    d === 0 ? 1 : Math.exp(-0.5 * (d / sigma) ** 2),
  )

/** The share of white noise that is in the difference of two means. */
function noiseGain(narrow: Float64Array, wide: Float64Array): number {
  const total = (kernel: Float64Array) => 2 * kernel.reduce((sum, w) => sum + w) - kernel[0]!
  const [a, b] = [total(narrow), total(wide)]
  return wide.reduce((sum, w, d) => {
    const weight = (narrow[d] ?? 0) / a - w / b
    return sum + (d === 0 ? 1 : 2) * weight ** 2
  }, 0)
}

/** What each frame counts for in the mean around one of them; sums to 1, also at the ends. */
function weightsAt(at: number, kernel: Float64Array, frames: number): Float64Array {
  const weights = Float64Array.from({ length: frames }, (_, t) => kernel[Math.abs(t - at)] ?? 0)
  const total = weights.reduce((sum, weight) => sum + weight)
  return weights.map((weight) => weight / total)
}

function weightedMean(shot: readonly Landmarks[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(VALUES)
  for (let t = 0; t < shot.length; t++) {
    const [values, weight] = [shot[t]!, weights[t]!]
    if (weight === 0) continue
    for (let i = 0; i < VALUES; i++) sum[i]! += weight * values[i]!
  }
  return sum
}
