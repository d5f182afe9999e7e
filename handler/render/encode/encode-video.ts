import type { Writable } from 'node:stream'
import { InputError, WorkerError } from '../../errors.ts'
import type { OutputFrame } from '../output-frame.ts'
import { saysOnly, toError, toSystemError } from '../media/ffmpeg-errors.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { EncodeRate } from './encode-rate.ts'
import {
  channelArgs,
  colorTags,
  fragmentedMp4,
  h264,
  lossless,
  MADE_BY,
  type EncoderArgs,
} from './encoder-args.ts'
import type { Soundtrack } from '../audio/soundtrack.ts'
import type { RenderContext } from '../render-context.ts'
import { spawnFfmpeg, type ProcessResult } from '../media/ffmpeg.ts'
import { resizeFilter } from './output-size.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'

export interface EncodeOptions {
  rate: EncodeRate
  /** FFV1 in Matroska instead of H.264 in mp4. */
  lossless: boolean
  /** Instead of H.264 in mp4; see `chooseEncoder`. */
  encoder?: EncoderArgs | undefined
  /** Nothing in the file is written twice, so that it can be read meanwhile; mp4 only. */
  fragmented?: boolean | undefined
  frame: OutputFrame
  /** Further arguments of the output: what is written into it as text. */
  tags: string[]
  /** Output frames; the sound is cut to their length. */
  frames: number
}

/**
 * Encode raw frames and the recording into one file, once, index in front. Frames are pulled one by
 * one, never faster than they are encoded; their buffers are given back.
 *
 * @param sound absent for a part that is to be joined with others
 * @param onFrame called after each frame that the encoder took
 * @returns the name of the encoder
 * @throws WorkerError DISK_FULL, BUG; InputError MEDIA_UNREADABLE when the sound cannot be decoded
 */
export async function encode(
  frames: AsyncIterable<Uint8Array>,
  video: VideoInfo,
  sound: Soundtrack | undefined,
  output: string,
  encoding: EncodeOptions,
  onFrame: (done: number) => void,
  ctx: RenderContext,
): Promise<string> {
  const { ffmpeg, signal, log } = ctx
  const codec = await encoderOf(encoding, video, sound?.channels, ctx)
  const size = `${video.width}x${video.height}`
  const raw = ['-f', 'rawvideo', '-pix_fmt', frameFormatFor(video).rawFormat, '-s', size]
  const fit = resizeFilter(video, encoding.frame)
  const args = [
    ...['-nostdin', '-v', 'error', ...raw, ...colorTags(video.color)],
    ...['-r', `${video.rate.num}/${video.rate.den}`, '-i', 'pipe:0'],
    ...(sound?.inputs ?? []),
    ...['-map', '0:v:0', ...(sound?.output ?? [])],
    ...(fit.length ? ['-vf', fit.join(',')] : []),
    ...[...codec.video, ...(sound ? codec.audio : [])],
    ...['-t', String(encoding.frames / fps(video.rate)), '-metadata', `comment=${MADE_BY}`],
    ...encoding.tags,
    ...(encoding.fragmented ? fragmentedMp4(video.rate) : codec.container),
    ...['-y', `file:${output}`],
  ]
  log.debug('ffmpeg', { args: args.join(' ') })
  await using running = await spawnFfmpeg(ffmpeg.path, args, signal, { stdin: 'pipe' })
  let done = 0
  for await (const frame of frames) {
    await ctx.stage('encode', () => write(running.stdin, frame, running.done))
    ctx.buffers.give(frame)
    onFrame(++done)
  }
  running.stdin.end()
  const finished = await ctx.stage('encode', () => running.done)
  signal.throwIfAborted()
  // Some versions end well although their last writes have failed.
  const failed = finished.code !== 0 || toSystemError(finished, 'encoding the result')
  if (failed) throw toEncodeError(finished)
  return codec.name
}

/** FFV1, the job's other codec, or H.264; with the channels of the sound that there is. */
export async function encoderOf(
  { lossless: isLossless, encoder, rate }: Pick<EncodeOptions, 'lossless' | 'encoder' | 'rate'>,
  video: VideoInfo,
  channels: number | undefined,
  ctx: RenderContext,
): Promise<EncoderArgs> {
  if (isLossless) return lossless
  if (!encoder) return h264(video, channels, rate, ctx)
  return { ...encoder, audio: [...encoder.audio, ...channelArgs(channels)] }
}

/** Hand over one frame and wait until nobody looks at its buffer any more. */
async function write(
  stdin: Writable,
  frame: Uint8Array,
  done: Promise<ProcessResult>,
): Promise<void> {
  const failed = await new Promise((resolve) => stdin.write(frame, resolve))
  if (failed) throw toEncodeError(await done)
}

/** All that x264 says where it gets no memory or no thread. It names settings that it does not take. */
const UNOPENED = /Error while opening encoder|Could not open encoder|Conversion failed/

/** A disk that breaks, or that the system has made read-only for that. */
const UNWRITTEN =
  /(?:write_frame\(\)|writing trailer|muxing a packet)[^\n]*Input\/output error|Read-only file system|Stale file handle/

export function toEncodeError(finished: ProcessResult): Error {
  const machine = toSystemError(finished, 'encoding the result')
  if (machine) return machine
  if (/#[1-9]\d*:|Error while decoding stream #[1-9]|matches no streams/i.test(finished.stderr)) {
    return new InputError('MEDIA_UNREADABLE', 'the audio input cannot be decoded to its end')
  }
  const cause = toError(finished)
  if (UNWRITTEN.test(finished.stderr)) {
    const message = 'the scratch disk failed while encoding the result; see the log of the worker'
    return new WorkerError('DISK_FULL', message, { cause })
  }
  if (saysOnly(finished.stderr, UNOPENED)) {
    const message = 'the encoder could not be opened: the system has too little memory or threads'
    return new WorkerError('OUT_OF_MEMORY', message, { cause })
  }
  const [, encoder] = /Unknown encoder '(\w+)'/.exec(finished.stderr) ?? []
  if (encoder !== undefined) {
    const message = `the ffmpeg of this worker has no encoder "${encoder}"; install a complete one`
    return new WorkerError('FFMPEG_MISSING', message, { cause })
  }
  return new WorkerError('BUG', 'the encoder failed; see the log of the worker', { cause })
}
