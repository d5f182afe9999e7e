import { fps, type Rate } from '../../media/media-info.ts'
import { SAMPLES } from './mouth-samples.ts'

/** What was seen of a mouth in one frame. */
export interface SeenMouth {
  /** See `mouthSamples`. */
  samples: Uint8Array
  /** Frames with the same number show one person in one shot. */
  since: number
}

const AROUND_S = 10 // to both sides: what a mouth usually looks like
const STEP_S = 5 // between two looks at that
const MOST = 101 // frames that are compared for it
const LEAST_S = 1 // of a mouth in one shot; less is too little to know it
const DEVIATIONS = 4
const FLOORS = [20, 6, 6] // percent of the light, levels of color: less is no difference, however usual

// Shares of the samples that look otherwise than usual. Five clips of people who talk, laugh and turn: .04
// at most. A painted hand: .21 and more; a microphone .21, a cup .34; a microphone that reaches up to
// the lower lip .13; one finger .04 to .19. A real hand: .04 to .34.
const COVERED = 0.12
const STILL_COVERED = 0.04 // beside a frame that is covered
const LEAST_FRAMES_S = 0.08
const BRIDGED_S = 0.2 // a moment between two covered ones

/**
 * In which frames something is before a mouth: a hand, a microphone, a cup. It is known by lips and
 * skin that look otherwise than in most of the 20 seconds around; so nothing is that stays as long.
 *
 * @param mouths one for each frame; undefined where none was seen
 */
export function coveredFrames(mouths: readonly (SeenMouth | undefined)[], rate: Rate): boolean[] {
  const frames = (seconds: number) => Math.max(1, Math.round(seconds * fps(rate)))
  const shares = unusualShares(mouths, frames(AROUND_S), frames(STEP_S), frames(LEAST_S))
  const covered = Array.from(shares, (share) => share >= COVERED)
  keepRuns(covered, true, frames(LEAST_FRAMES_S))
  for (const step of [1, -1]) {
    for (let n = 1; n < covered.length; n++) {
      const at = step > 0 ? n : covered.length - 1 - n
      if (covered[at - step] && shares[at]! >= STILL_COVERED) covered[at] = true
    }
  }
  keepRuns(covered, false, frames(BRIDGED_S))
  return covered.map((is, i) => is && mouths[i] !== undefined)
}

/** Turn over whatever has this value for less than so many frames; ends count as long. */
function keepRuns(values: boolean[], value: boolean, least: number): void {
  for (let from = 0, at = 0; at <= values.length; at++) {
    if (at < values.length && values[at] === value) continue
    const inside = value || (from > 0 && at < values.length)
    if (inside && at - from < least) values.fill(!value, from, at)
    from = at + 1
  }
}

/** How much of each mouth does not look as it usually does there. */
function unusualShares(
  mouths: readonly (SeenMouth | undefined)[],
  around: number,
  step: number,
  least: number,
): Float32Array {
  const shares = new Float32Array(mouths.length)
  for (let first = 0; first < mouths.length; first += step) {
    const usual = new Map<number, Usual | undefined>()
    for (let i = first; i < Math.min(first + step, mouths.length); i++) {
      const mouth = mouths[i]
      if (!mouth) continue
      if (!usual.has(mouth.since)) {
        const near = mouths
          .slice(Math.max(0, first - around), first + step + around)
          .filter((one) => one?.since === mouth.since) as SeenMouth[]
        usual.set(mouth.since, near.length < least ? undefined : usualOf(near))
      }
      shares[i] = shareOf(mouth.samples, usual.get(mouth.since))
    }
  }
  return shares
}

/** Median of each value, and how far from it is unusual. */
interface Usual {
  values: Uint8Array
  room: Float32Array
}

function usualOf(mouths: readonly SeenMouth[]): Usual {
  const every = Math.ceil(mouths.length / MOST)
  const some = mouths.filter((_, i) => i % every === 0)
  const values = new Uint8Array(SAMPLES)
  const room = new Float32Array(SAMPLES)
  const seen = new Uint8Array(some.length)
  for (let k = 0; k < SAMPLES; k++) {
    for (const [i, { samples }] of some.entries()) seen[i] = samples[k]!
    const middle = seen.toSorted()[some.length >> 1]!
    for (const [i, { samples }] of some.entries()) seen[i] = Math.abs(samples[k]! - middle)
    values[k] = middle
    // 1.48 median deviations are a standard deviation
    room[k] = Math.max(FLOORS[k % 3]!, DEVIATIONS * 1.48 * seen.toSorted()[some.length >> 1]!)
  }
  return { values, room }
}

function shareOf(samples: Uint8Array, usual: Usual | undefined): number {
  if (!usual) return 0
  let unusual = 0
  for (let k = 0; k < SAMPLES; k += 3) {
    const differs = (n: number) => Math.abs(samples[n]! - usual.values[n]!) > usual.room[n]!
    if (differs(k) || differs(k + 1) || differs(k + 2)) unusual++
  }
  return unusual / (SAMPLES / 3)
}
