import { asJobError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Models } from '../../models/inference/models.ts'
import type { Pixels } from '../../models/pixels/threads/pixels.ts'
import type { AvatarCache } from './avatar/avatar-cache.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import type { MediaLimits } from './media/probing/media-limits.ts'
import type { BufferPool } from './buffer-pool.ts'

export const STAGES = ['probe', 'speech', 'avatar', 'generate', 'composite', 'encode'] as const
export type Stage = (typeof STAGES)[number]

/** What every stage of a render may use. */
export interface RenderContext {
  models: Models
  ffmpeg: Ffmpeg
  limits: MediaLimits
  /** Absent: every job looks at its video anew. */
  cache?: AvatarCache
  pixels: Pixels
  /** For frames and batches: whoever takes a buffer knows who gives it back. */
  buffers: BufferPool
  /** An empty directory of this render's own. */
  dir: string
  signal: AbortSignal
  log: Log
  /** Told of source frames that were looked at, where all are before the first is drawn. */
  onScanned?(done: number, total: number): void
  /**
   * Run one step of a stage: its time is added to the stage's, and whatever escapes is a JobError with
   * the stage's name. Stages overlap, so their times may add up to more than the clock's.
   */
  stage<T>(name: Stage, step: () => Promise<T>): Promise<T>
  /** No step of it comes any more. */
  stageEnded(name: Stage): void
}

/** A stage that is lazy: each item is a step of it. */
export async function* stagedItems<T>(
  name: Stage,
  items: AsyncIterable<T>,
  { stage }: Pick<RenderContext, 'stage'>,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const item = await stage(name, () => iterator.next())
      if (item.done) return
      yield item.value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Disposing ends all stages that have had a step. */
export interface StageTimer extends Disposable {
  stage: RenderContext['stage']
  stageEnded: RenderContext['stageEnded']
  /** Seconds per stage so far. */
  seconds(): Record<Stage, number>
}

/** @param onEnd told of each stage once, when it has ended */
export function createStageTimer(
  signal: AbortSignal,
  onEnd: (name: Stage, seconds: number) => void = () => {},
): StageTimer {
  const elapsed = new Map<Stage, number>()
  const ended = new Set<Stage>()
  const secondsOf = (name: Stage) => Math.round(elapsed.get(name) ?? 0) / 1000
  function stageEnded(name: Stage) {
    if (ended.has(name)) return
    ended.add(name)
    onEnd(name, secondsOf(name))
  }
  return {
    stageEnded,
    async stage(name, step) {
      const start = performance.now()
      try {
        return await step()
      } catch (error) {
        throw asJobError(error, signal, name)
      } finally {
        elapsed.set(name, (elapsed.get(name) ?? 0) + performance.now() - start)
      }
    },
    seconds: () =>
      Object.fromEntries(STAGES.map((name) => [name, secondsOf(name)])) as Record<Stage, number>,
    [Symbol.dispose]() {
      for (const name of STAGES) if (elapsed.has(name)) stageEnded(name)
    },
  }
}
