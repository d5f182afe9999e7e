import type { Landmarks } from './face-box.ts'

const MAX_ROLL = 60 // degrees; beyond, the mouth leaves the lower half of the box, which is all that is redrawn
const MAX_SKEW = 30 // degrees between what the eyes and what the mouth say is up
const FRONTAL = 1.8 // eyes to mouth over eye to eye; in a profile the eyes say nothing

/**
 * Whether landmarks are of a face that can be drawn: about upright, the mouth below the eyes, the
 * left side to the right. A mesh finds its points in anything that it is shown.
 */
export function isDrawable(landmarks: Landmarks): boolean {
  const right = meanOf(landmarks, 36, 42)
  const left = meanOf(landmarks, 42, 48)
  const mouth = meanOf(landmarks, 48, 68)
  const across = [left[0] - right[0], left[1] - right[1]] as const
  const down = [mouth[0] - (left[0] + right[0]) / 2, mouth[1] - (left[1] + right[1]) / 2] as const
  const lean = degrees(Math.atan2(-down[0], down[1]))
  if (Math.abs(lean) > MAX_ROLL) return false
  const distance = Math.hypot(...across)
  if (Math.hypot(...down) > FRONTAL * distance) return true
  const tilt = degrees(Math.atan2(across[1], across[0]))
  return Math.abs(tilt - lean) <= MAX_SKEW
}

const degrees = (radians: number): number => (radians * 180) / Math.PI

function meanOf(landmarks: Landmarks, from: number, end: number): [number, number] {
  let [x, y] = [0, 0]
  for (let i = from; i < end; i++) {
    x += landmarks[2 * i]!
    y += landmarks[2 * i + 1]!
  }
  return [x / (end - from), y / (end - from)]
}
