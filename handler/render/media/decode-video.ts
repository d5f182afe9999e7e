import { crc32 } from 'node:zlib'
import { InputError } from '../../errors.ts'
import { inputErrorOf, toInputError } from './ffmpeg-errors.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { RenderContext } from '../render-context.ts'
import { withLimits } from './child-limits.ts'
import { runToEnd, spawnFfmpeg, untrustedInputArgs } from './ffmpeg.ts'
import { openFramePipe } from './frame-pipe.ts'
import { assertWhole, endsWithin } from './cut-off.ts'
import { leadIn, pictureClock, seekTo } from './media-clock.ts'
import { fps, type VideoInfo } from './media-info.ts'

export interface VideoInput {
  file: string
  facts: VideoInfo
}

/** Frames [first, first + count) of a source, counted from its first picture, or that of its part, at `facts.rate`. */
export interface FrameRange {
  first: number
  count: number
}

type DecodeContext = Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal' | 'buffers'>

/**
 * Decode a video or still into planar 8-bit 4:2:0 frames of `facts.width` x `facts.height`, at
 * constant rate: uneven timestamps become repeated or dropped pictures here, once. A still gives one
 * frame. A frame that is yielded belongs to the consumer, who gives its buffer back.
 *
 * @param span as far as the source has them; without one, all
 * @throws InputError MEDIA_UNREADABLE, also for a file that was cut off
 */
export async function* decode(
  { file, facts }: VideoInput,
  span: FrameRange,
  { ffmpeg, limits, signal, buffers }: DecodeContext,
): AsyncGenerator<Uint8Array> {
  const { pixelFormat } = facts
  const { from, dropped, count } = placeInFile(facts, span)
  if (count <= 0) return
  const args = [
    ...['-nostdin', '-v', 'error', ...seekTo(facts.rate, from, facts.offsetS)],
    // One chain of filters from the first picture to the last: a new one would begin to count anew.
    ...['-noautorotate', '-reinit_filter', '0'],
    ...untrustedInputArgs(file, facts.maxStoredPixels, memoryOf(facts)),
    ...['-map', `0:${facts.stream}`, '-vf', filterChain(facts, from, dropped, count)],
    ...['-frames:v', String(count)],
    ...['-f', 'rawvideo', '-pix_fmt', pixelFormat, 'pipe:1'],
  ]
  using pipe = await openFramePipe(frameFormatFor(facts).bytes, buffers)
  const command = withLimits(ffmpeg.path, args, limits.maxPixels)
  await using running = await spawnFfmpeg(...command, signal, { stdout: pipe })
  let yielded = 0
  for (let frame = await pipe.read(); frame; frame = await pipe.read()) {
    yield frame
    yielded++
  }
  const finished = await running.done
  signal.throwIfAborted()
  const failed = inputErrorOf(finished, 'video')
  if (failed) throw failed
  const cut =
    endsWithin(finished.stderr) ||
    /truncat|Invalid data found|unexpected end/i.test(finished.stderr) ||
    // A JPEG that lacks its end; the rest of the picture would be gray.
    (facts.still && /\boverread \d/.test(finished.stderr))
  if (yielded > 0 && yielded < count && !facts.still) {
    assertWhole('video', facts.statedS, (from + dropped + yielded + 1) / fps(facts.rate))
  }
  if (!cut && yielded === 0 && span.first === 0 && facts.trim?.first) {
    throw new InputError('INVALID_JOB', 'trim: begins after the end of the video')
  }
  if (cut || (yielded === 0 && span.first === 0)) {
    const message = cut ? 'is cut off or damaged' : 'holds no picture that can be decoded'
    throw new InputError('MEDIA_UNREADABLE', `the video input ${message}`)
  }
}

/**
 * Where a span lies in its file.
 * @returns the frame to seek to, how many are dropped from there, how many are wanted then
 */
function placeInFile(facts: VideoInfo, span: FrameRange) {
  const { first = 0, count = Infinity } = facts.trim ?? {}
  const wanted = Math.min(span.count, count - span.first)
  if (span.first > 0) return { from: first + span.first, dropped: 0, count: wanted }
  return { ...leadIn(facts, first), count: wanted }
}

function filterChain(
  { still, rate, geometry }: VideoInfo,
  first: number,
  dropped: number,
  count: number,
): string {
  if (still) return geometry
  const clock = pictureClock(rate, { first, count: dropped + count })
  const drop = dropped > 0 ? [`trim=start_frame=${dropped}`, 'setpts=PTS-STARTPTS'] : []
  return [clock, ...drop, geometry].join(',')
}

/**
 * The same, counted out from the first picture: for files that do not seek to the one that is meant.
 */
export async function* decodeFromStart(
  source: VideoInput,
  { first, count }: FrameRange,
  ctx: DecodeContext,
): AsyncGenerator<Uint8Array> {
  let index = 0
  for await (const frame of decode(source, { first: 0, count: first + count }, ctx)) {
    if (index++ >= first) yield frame
    else ctx.buffers.give(frame)
  }
}

/** How many frames `decode` would give, up to `limit`, without taking any. @throws as it does */
export async function countFrames(
  { file, facts }: VideoInput,
  limit: number,
  { ffmpeg, limits, signal }: Omit<DecodeContext, 'buffers'>,
): Promise<number> {
  const wanted = { first: 0, count: Math.min(limit, Number.MAX_SAFE_INTEGER) }
  const { from, dropped, count } = placeInFile(facts, wanted)
  const args = [
    ...['-nostdin', '-v', 'error', '-progress', 'pipe:1', '-nostats'],
    ...seekTo(facts.rate, from, facts.offsetS),
    ...['-noautorotate', '-reinit_filter', '0'],
    ...untrustedInputArgs(file, facts.maxStoredPixels, memoryOf(facts)),
    ...['-map', `0:${facts.stream}`],
    ...['-vf', filterChain({ ...facts, geometry: 'null' }, from, dropped, count)],
    ...['-frames:v', String(count), '-f', 'null', '-'],
  ]
  const limited = withLimits(ffmpeg.path, args, limits.maxPixels)
  const finished = await runToEnd(...limited, signal)
  if (finished.code !== 0) throw toInputError(finished, 'video')
  return Number(/.*^frame=\s*(\d+)/ms.exec(finished.stdout.toString())?.[1] ?? 0)
}

/** A still that is too large is held once, so half of what a video's frames may take is enough. */
const memoryOf = ({ maxStoredPixels, still }: VideoInfo) => maxStoredPixels / (still ? 2 : 1)

const FINGERPRINT_SAMPLES = 4096 // bytes that tell one frame of a clip from another

/** A cheap identity of a frame's pixels, to notice a seek that landed elsewhere. */
export function fingerprint(frame: Uint8Array): number {
  const step = Math.max(1, Math.floor(frame.length / FINGERPRINT_SAMPLES)) | 1
  const sample = new Uint8Array(Math.ceil(frame.length / step))
  for (let i = 0, at = 0; at < frame.length; at += step) sample[i++] = frame[at]!
  return crc32(sample)
}
