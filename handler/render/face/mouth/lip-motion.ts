import { centerAndSide, faceRegionFromLandmarks, type Landmarks } from '../face-box.ts'

const INNER_LIPS = [
  [61, 67],
  [62, 66],
  [63, 65],
] as const

/** How far the lips are apart, in sides of the face. */
export function lipOpening(face: Landmarks): number {
  const apart = ([upper, lower]: readonly [number, number]) =>
    Math.hypot(face[2 * upper]! - face[2 * lower]!, face[2 * upper + 1]! - face[2 * lower + 1]!)
  const { side } = centerAndSide(faceRegionFromLandmarks(face))
  return INNER_LIPS.reduce((sum, pair) => sum + apart(pair), 0) / INNER_LIPS.length / side
}

const PAUSE_DB = 20 // below the loud parts
const NOISE = 0.001 // sides of the face: what still lips seem to move by from look to look
const LEAST_SHARE = 0.1 // of the looks: pauses that are fewer say nothing

/**
 * How much lips move with a sound: their mean movement from look to look while it is loud, without
 * what they also move by in its pauses. 0 for lips that do not move with it.
 *
 * @param openings one for each look; undefined where the face was not seen
 * @param levels how loud the sound was until each look, since the one before: dBFS
 */
export function motionWithSound(
  openings: readonly (number | undefined)[],
  levels: readonly number[],
): number {
  const loud = levels.toSorted((a, b) => a - b)[Math.floor(0.9 * levels.length)] ?? -Infinity
  const sums = { loud: [0, 0] as [number, number], quiet: [0, 0] as [number, number] }
  for (let i = 1; i < openings.length; i++) {
    const [before, now] = [openings[i - 1], openings[i]]
    if (before === undefined || now === undefined || levels[i] === undefined) continue
    const sum = levels[i]! > loud - PAUSE_DB ? sums.loud : sums.quiet
    sum[0] += Math.abs(now - before)
    sum[1]++
  }
  const mean = ([sum, count]: [number, number]) => (count === 0 ? 0 : sum / count)
  const pauses = sums.quiet[1] >= LEAST_SHARE * openings.length ? mean(sums.quiet) : 0
  return Math.max(0, mean(sums.loud) - Math.max(pauses, NOISE))
}

/**
 * Whose lips move with the sound.
 *
 * @param motions of each face
 * @returns which, and how sure that is: 0 where another moves as much, 1 where no other moves
 */
export function surestSpeaker(motions: readonly number[]): { index: number; sureness: number } {
  const best = Math.max(...motions)
  const index = motions.indexOf(best)
  const second = Math.max(0, ...motions.filter((_, i) => i !== index))
  return { index, sureness: best > 0 ? (best - second) / (best + second) : 0 }
}
