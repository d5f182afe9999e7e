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
const SILENT_DB = 40 // below them; what is softer is as silent
const NOISE = 0.001 // sides of the face: what still lips seem to move by from look to look
const LEAST_SHARE = 0.1 // of the looks: pauses that are fewer say nothing
const LEAST_T = 2.5 // standard errors: what is less may be chance

/**
 * How much lips move with a sound, 0..1. They do in two ways: they are the further apart the louder it is,
 * which tells apart people who speak at once; and they move while it is loud and rest in its pauses, which
 * also holds for those who hardly open their mouth. Either is enough.
 *
 * @param openings one for each look; undefined where the face was not seen
 * @param levels how loud the sound was until each look, since the one before: dBFS
 */
export function agreementWithSound(
  openings: readonly (number | undefined)[],
  levels: readonly number[],
): number {
  const loud = levels.toSorted((a, b) => a - b)[Math.floor(0.9 * levels.length)] ?? -Infinity
  const apart: [opening: number, level: number][] = []
  const moves: { loud: number[]; quiet: number[] } = { loud: [], quiet: [] }
  for (let i = 1; i < openings.length; i++) {
    const [before, now, level] = [openings[i - 1], openings[i], levels[i]]
    if (now === undefined || level === undefined) continue
    apart.push([now, Math.max(level, loud - SILENT_DB)])
    if (before === undefined) continue
    moves[level > loud - PAUSE_DB ? 'loud' : 'quiet'].push(Math.abs(now - before))
  }
  const rests = moves.quiet.length >= LEAST_SHARE * openings.length ? contrast(moves) : 0
  return Math.max(0, correlation(apart), rests)
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

function variance(values: readonly number[]): number {
  const around = mean(values)
  return mean(values.map((value) => (value - around) ** 2))
}

/** -1..1; 0 of lips that rest, and of a sound that is always as loud. */
function correlation(pairs: readonly (readonly [opening: number, level: number])[]): number {
  const [openings, levels] = [pairs.map(([opening]) => opening), pairs.map(([, level]) => level)]
  const [still, steady] = [variance(openings), variance(levels)]
  if (!(still > NOISE ** 2 && steady > 0)) return 0
  const [opening, level] = [mean(openings), mean(levels)]
  const together = mean(pairs.map(([one, other]) => (one - opening) * (other - level)))
  return together / Math.sqrt(still * steady)
}

/** 0..1: how much less lips move in pauses; 0 where that may be chance. */
function contrast({ loud, quiet }: { loud: readonly number[]; quiet: readonly number[] }): number {
  if (loud.length === 0) return 0
  const [moving, resting] = [mean(loud), mean(quiet)]
  const error = Math.sqrt(variance(loud) / loud.length + variance(quiet) / quiet.length)
  if (moving - resting < Math.max(NOISE, LEAST_T * error)) return 0
  return (moving - resting) / (moving + resting)
}

const LEAST_AGREEMENT = 0.3 // of seventy looks, what others' lips reach by chance is less

/**
 * Whose lips move with the sound.
 *
 * @param agreements of each face
 * @returns which, and how sure that is: 0 where another's do as much, or nobody's, 1 where no other's do
 */
export function surestSpeaker(agreements: readonly number[]): { index: number; sureness: number } {
  const best = Math.max(...agreements)
  const index = agreements.indexOf(best)
  const second = Math.max(0, ...agreements.filter((_, i) => i !== index))
  return { index, sureness: best < LEAST_AGREEMENT ? 0 : (best - second) / (best + second) }
}
