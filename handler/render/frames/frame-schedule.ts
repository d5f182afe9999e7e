import type { Length } from '../render-options.ts'

/** Output frames [from, to). */
export interface FrameSpan {
  from: number
  to: number
}

/** How a source is played that has another length than the result. */
export type PlayMode = 'bounce' | 'loop' | 'remap'

export const playModeOf = (length: Length): PlayMode =>
  length === 'loop' || length === 'remap' ? length : 'bounce'

/**
 * Which of `count` source frames output frame `i` of `total` shows.
 *
 * - `bounce`: 0..n-1, n-1..0, 0.. (both ends twice)
 * - `loop`: 0..n-1, 0..n-1, 0..
 * - `remap`: the frame whose time has come when the source's time is stretched to the result's
 *
 * @see MuseTalk scripts/inference.py, frame_list_cycle, for `bounce`
 */
export function shownIndex(mode: PlayMode, i: number, count: number, total: number): number {
  switch (mode) {
    case 'bounce':
      return pingPongIndex(i, count)
    case 'loop':
      return i % count
    case 'remap':
      return Math.min(count - 1, Math.floor((i * count) / total))
  }
}

export function pingPongIndex(i: number, count: number): number {
  const at = i % (2 * count)
  return at < count ? at : 2 * count - 1 - at
}
