import { bufferOver } from '../../../models/system/buffer-over.ts'
import { InputError } from '../../errors.ts'
import { shownIndex, type PlayMode } from './frame-schedule.ts'
import { decode, decodeFromStart, fingerprint, type VideoInput } from '../media/decode-video.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../render-context.ts'
import type { OutputSpan } from '../split/split-step.ts'
import { fps } from '../media/media-info.ts'

const CHUNK_S = 2
const CHUNK_BYTES = 160 << 20

/** A source that is played as often as the result needs. */
export interface Playback {
  source: VideoInput
  /** Frames of the source that are played, at least 1. */
  count: number
  /** What each of them looked like when it was scanned. */
  fingerprintOf(index: number): number
}

/**
 * The frames of output [from, to) in order. Backward parts are decoded in chunks of at most two
 * seconds and never spooled.
 * @throws InputError MEDIA_UNREADABLE when the file decodes differently than before
 */
export async function* playSource(
  playback: Playback,
  mode: PlayMode,
  { from, to, total }: OutputSpan,
  ctx: RenderContext,
): AsyncGenerator<Uint8Array> {
  const { source, count } = playback
  if (source.facts.still) return yield* repeatStill(source, to - from, ctx)
  if (mode === 'remap') return yield* playRemapped(playback, { from, to, total }, ctx)
  if (total > count && count <= chunkOf(source))
    return yield* playCached(playback, mode, { from, to, total }, ctx)
  for (let done = from; done < to;) {
    const forward = mode === 'loop' || Math.floor(done / count) % 2 === 0
    const first = done % count
    const wanted = Math.min(count - first, to - done)
    if (!forward) yield* reverseChunks(playback, count - first, wanted, ctx)
    else if (first === 0) yield* exactCount(wanted, decode(source, { first, count: wanted }, ctx))
    else yield* forwardFrom(playback, first, wanted, ctx)
    done += wanted
  }
}

/** Every frame of the source in its order, some of them again or never. */
async function* playRemapped(
  playback: Playback,
  { from, to, total }: OutputSpan,
  ctx: RenderContext,
) {
  const { source, count } = playback
  let index = 0
  let done = from
  const end = shownIndex('remap', to - 1, count, total) + 1
  const frames = decode(source, { first: 0, count: end }, ctx)
  for await (const frame of exactCount(end, frames)) {
    try {
      while (done < to && shownIndex('remap', done, count, total) === index) {
        yield copyOf(frame, ctx)
        done++
      }
    } finally {
      ctx.buffers.give(frame)
    }
    index++
  }
}

async function* repeatStill(source: VideoInput, times: number, ctx: RenderContext) {
  for await (const frame of decode(source, { first: 0, count: 1 }, ctx)) {
    try {
      for (let i = 0; i < times; i++) yield copyOf(frame, ctx)
    } finally {
      ctx.buffers.give(frame)
    }
    return
  }
}

function copyOf(frame: Uint8Array, { buffers }: RenderContext): Uint8Array {
  const copy = buffers.take(frame.length)
  bufferOver(frame).copy(copy)
  return copy
}

/** A clip of one chunk stays in memory: else each turn would start ffmpeg for a moment's work. */
async function* playCached(
  playback: Playback,
  mode: PlayMode,
  { from, to, total }: OutputSpan,
  ctx: RenderContext,
) {
  const { count } = playback
  const frames = await framesOf(playback, 0, count, ctx)
  try {
    for (let i = from; i < to; i++) yield copyOf(frames[shownIndex(mode, i, count, total)]!, ctx)
  } finally {
    giveAll(frames, ctx)
  }
}

const giveAll = (frames: Uint8Array[], { buffers }: RenderContext) => {
  for (const frame of frames) buffers.give(frame)
}

async function* exactCount(count: number, frames: AsyncIterable<Uint8Array>) {
  let seen = 0
  for await (const frame of frames) {
    yield frame
    seen++
  }
  if (seen < count) throw unstableDecodeError()
}

/** Frames that may be held at once. */
function chunkOf({ facts }: VideoInput): number {
  const fitting = Math.floor(CHUNK_BYTES / frameFormatFor(facts).bytes)
  return Math.max(1, Math.min(fitting, Math.floor(CHUNK_S * fps(facts.rate))))
}

/** Frames first, first + 1, …; from where a seek lands elsewhere, they are counted out instead. */
async function* forwardFrom(
  { source, fingerprintOf }: Playback,
  first: number,
  wanted: number,
  ctx: RenderContext,
) {
  const end = first + wanted
  let index = first
  for await (const frame of decode(source, { first, count: wanted }, ctx)) {
    if (fingerprint(frame) !== fingerprintOf(index)) {
      ctx.buffers.give(frame)
      break
    }
    yield frame
    index++
  }
  if (index === end) return
  ctx.log.debug('seek.inexact', { first: index, count: end - index })
  const rest = { first: index, count: end - index }
  yield* exactCount(rest.count, decodeFromStart(source, rest, ctx))
}

/** Frames before `from`, backwards, `wanted` of them. */
async function* reverseChunks(
  playback: Playback,
  from: number,
  wanted: number,
  ctx: RenderContext,
) {
  const size = chunkOf(playback.source)
  const stop = from - wanted
  for (let end = from; end > stop; end -= size) {
    const first = Math.max(stop, end - size)
    const chunk = await framesOf(playback, first, end - first, ctx)
    try {
      while (chunk.length > 0) yield chunk.pop()!
    } finally {
      giveAll(chunk, ctx)
    }
  }
}

/**
 * Frames [first, first + count). Not every file seeks exactly (sparse index, uneven timestamps, open
 * GOPs), so the result is compared with what the scan saw; if it differs, decode from the start.
 */
async function framesOf(playback: Playback, first: number, count: number, ctx: RenderContext) {
  const sought = await collectFrom(decode(playback.source, { first, count }, ctx), 0, ctx)
  if (sameAsScanned(sought)) return sought
  giveAll(sought, ctx)
  ctx.log.debug('seek.inexact', { first, count })
  const all = decode(playback.source, { first: 0, count: first + count }, ctx)
  const walked = await collectFrom(all, first, ctx)
  if (sameAsScanned(walked)) return walked
  throw unstableDecodeError()

  function sameAsScanned(frames: Uint8Array[]): boolean {
    const same = (frame: Uint8Array, i: number) =>
      fingerprint(frame) === playback.fingerprintOf(first + i)
    return frames.length === count && frames.every(same)
  }
}

async function collectFrom(
  frames: AsyncIterable<Uint8Array>,
  skip: number,
  { buffers }: RenderContext,
): Promise<Uint8Array[]> {
  const kept: Uint8Array[] = []
  let index = 0
  for await (const frame of frames) {
    if (index++ >= skip) kept.push(frame)
    else buffers.give(frame)
  }
  return kept
}

export const unstableDecodeError = () =>
  new InputError('MEDIA_UNREADABLE', 'the video input decodes differently every time')
