import { crc32 } from 'node:zlib'
import { InputError } from '../../errors.ts'
import { toInputError } from './ffmpeg-errors.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { BufferPool } from '../buffer-pool.ts'
import type { RenderContext } from '../context.ts'
import { withLimits } from './child-limits.ts'
import { spawnFfmpeg, untrustedInputArgs } from './ffmpeg.ts'
import { fps, type VideoInfo } from './media-info.ts'

export interface VideoInput {
  file: string
  facts: VideoInfo
}

/** Frames [first, first + count) of a source, counted from its first picture at `facts.rate`. */
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
  const args = [
    ...['-nostdin', '-v', 'error', ...seek(facts, span)],
    ...(facts.turnedByExif ? ['-noautorotate'] : []),
    ...untrustedInputArgs(file, limits.maxPixels),
    ...['-map', '0:V:0', '-vf', filterChain(facts, span), '-frames:v', String(span.count)],
    ...['-f', 'rawvideo', '-pix_fmt', pixelFormat, 'pipe:1'],
  ]
  await using running = await spawnFfmpeg(
    ...withLimits(ffmpeg.path, args, limits.maxPixels),
    signal,
  )
  let yielded = 0
  for await (const frame of chunkFrames(running.stdout, frameFormatFor(facts).bytes, buffers)) {
    yield frame
    yielded++
  }
  const finished = await running.done
  signal.throwIfAborted()
  if (finished.code !== 0) throw toInputError(finished, 'video')
  const cut = /partial file|truncat|Invalid data found|unexpected end/i.test(finished.stderr)
  if (cut || (yielded === 0 && span.first === 0)) {
    const message = cut ? 'is cut off or damaged' : 'holds no picture that can be decoded'
    throw new InputError('MEDIA_UNREADABLE', `the video input ${message}`)
  }
}

/** Half a frame early, so that rounding of timestamps cannot lose the frame that is meant. */
function seek({ rate, offsetS }: VideoInfo, { first }: FrameRange): string[] {
  return first === 0 ? [] : ['-ss', String(offsetS + (first - 0.5) / fps(rate))]
}

/** A jump in the timestamps becomes repeated pictures: what lies beyond the wanted ones comes right after them. */
function filterChain({ still, rate, geometry }: VideoInfo, { first, count }: FrameRange): string {
  if (still) return geometry
  // After a seek the wanted frame comes half a frame after zero.
  const shift = first === 0 ? 'STARTPTS' : `${0.5 / fps(rate)}/TB`
  const end = `${(count + 1) / fps(rate)}/TB`
  const clock = `setpts='min(${end},PTS-${shift})',fps=${rate.num}/${rate.den}:round=near`
  return `${clock},${geometry}`
}

async function* chunkFrames(
  stream: AsyncIterable<Buffer>,
  bytes: number,
  buffers: BufferPool,
): AsyncGenerator<Uint8Array> {
  let frame: Uint8Array | undefined
  let filled = 0
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      frame ??= buffers.take(bytes)
      const part = chunk.subarray(at, at + bytes - filled)
      frame.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < bytes) continue
      yield frame
      frame = undefined
      filled = 0
    }
  }
  if (frame) buffers.give(frame)
}

const FINGERPRINT_SAMPLES = 4096 // bytes that tell one frame of a clip from another

/** A cheap identity of a frame's pixels, to notice a seek that landed elsewhere. */
export function fingerprint(frame: Uint8Array): number {
  const step = Math.max(1, Math.floor(frame.length / FINGERPRINT_SAMPLES)) | 1
  const sample = new Uint8Array(Math.ceil(frame.length / step))
  for (let i = 0, at = 0; at < frame.length; at += step) sample[i++] = frame[at]!
  return crc32(sample)
}
