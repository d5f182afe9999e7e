import { bufferOver } from '../../../models/system/buffer-over.ts'
import type { RenderContext } from '../render-context.ts'
import type { FrameSpan } from './frame-schedule.ts'

const FADE_S = 0.2

/** Frames that a cut is softened over: never so many that nothing of a loop is as it was. */
export const fadeFrames = (count: number, fps: number): number =>
  Math.min(Math.round(FADE_S * fps), Math.floor(count / 2))

/**
 * Let the last frame of each showing of a looped source fade out over the first ones of the next. The mouths
 * of these are in step: each is drawn before the frames are mixed, and the old one is gone within the fade.
 *
 * @param frames of the result from `first` on, of any 8-bit layout; they are changed
 * @param countNow frames of the source; as long as not all of them were seen, more than were shown
 */
export async function* softenCuts(
  frames: AsyncIterable<Uint8Array>,
  first: number,
  countNow: () => number,
  fps: number,
  { buffers }: Pick<RenderContext, 'buffers'>,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined
  let last: Uint8Array | undefined
  let index = first
  try {
    for await (const frame of frames) {
      const count = countNow()
      const at = index >= count ? index % count : Infinity
      if (held) {
        if (at === 0) bufferOver(held).copy((last ??= buffers.take(held.length)))
        yield held
      }
      held = frame
      const fade = fadeFrames(count, fps)
      if (last && at < fade) mix(frame, last, fade - at, fade + 1)
      index++
    }
    if (held) yield held
    held = undefined
  } finally {
    for (const left of [held, last]) if (left) buffers.give(left)
  }
}

/** `share` of `whole` parts of the other. */
function mix(frame: Uint8Array, other: Uint8Array, share: number, whole: number): void {
  const half = whole >> 1
  for (let i = 0; i < frame.length; i++) {
    frame[i] = (frame[i]! * (whole - share) + other[i]! * share + half) / whole
  }
}

/** Parts of a result with softened cuts: none begins within a fade, whose other frame it would not have. */
export function outsideFades<T extends FrameSpan>(
  parts: readonly T[],
  count: number,
  fps: number,
): T[] {
  const fade = fadeFrames(count, fps)
  const moved = (at: number) => (at >= count && at % count < fade ? at - (at % count) + fade : at)
  const end = parts.at(-1)!.to
  return parts
    .map((part) => ({
      ...part,
      from: moved(part.from),
      to: part.to === end ? end : moved(part.to),
    }))
    .filter(({ from, to }) => from < to)
}
