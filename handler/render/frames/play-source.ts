import { bufferOver } from '../../../models/system/buffer-over.ts'
import { InputError } from '../../errors.ts'
import { shownIndex, type PlayMode } from './frame-schedule.ts'
import { decode, fingerprint, type VideoInput } from '../media/decode-video.ts'
import { frameFormatFor } from './frame-format.ts'
import type { RenderContext } from '../context.ts'
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
 * The frames of output from..total-1 in order. Backward parts are decoded in chunks of at most two
 * seconds and never spooled.
 * @param from 0, or the number of frames of the source
 * @throws InputError MEDIA_UNREADABLE when the file decodes differently than before
 */
export async function* playSource(
  playback: Playback,
  mode: PlayMode,
  from: number,
  total: number,
  ctx: RenderContext,
): AsyncGenerator<Uint8Array> {
  const { source, count } = playback
  if (source.facts.still) return yield* repeatStill(source, total - from, ctx)
  if (mode === 'remap') return yield* playRemapped(playback, total, ctx)
  if (total > count && count <= chunkOf(source))
    return yield* playCached(playback, mode, from, total, ctx)
  for (
    let done = from, forward = mode === 'loop' || from === 0;
    done < total;
    forward = mode === 'loop' || !forward
  ) {
    const wanted = Math.min(count, total - done)
    if (forward) yield* exactCount(wanted, decode(source, { first: 0, count: wanted }, ctx))
    else yield* reverseChunks(playback, wanted, ctx)
    done += wanted
  }
}

/** Every frame of the source in its order, some of them again or never. */
async function* playRemapped(playback: Playback, total: number, ctx: RenderContext) {
  const { source, count } = playback
  let index = 0
  let done = 0
  for await (const frame of exactCount(count, decode(source, { first: 0, count }, ctx))) {
    try {
      while (done < total && shownIndex('remap', done, count, total) === index) {
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
  from: number,
  total: number,
  ctx: RenderContext,
) {
  const { count } = playback
  const frames = await framesOf(playback, 0, count, ctx)
  try {
    for (let i = from; i < total; i++) yield copyOf(frames[shownIndex(mode, i, count, total)]!, ctx)
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

/** Frames count-1, count-2, …, `wanted` of them. */
async function* reverseChunks(playback: Playback, wanted: number, ctx: RenderContext) {
  const size = chunkOf(playback.source)
  const stop = playback.count - wanted
  for (let end = playback.count; end > stop; end -= size) {
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

const unstableDecodeError = () =>
  new InputError('MEDIA_UNREADABLE', 'the video input decodes differently every time')
