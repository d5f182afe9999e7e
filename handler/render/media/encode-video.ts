import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { InputError, WorkerError } from '../../errors.ts'
import type { Frame } from '../output-frame.ts'
import { causeOf, ofMachine } from './ffmpeg-errors.ts'
import { canvasOf } from '../frames/frame-format.ts'
import { colorTags, h264, lossless } from './encoder-args.ts'
import type { RenderContext } from '../context.ts'
import { start, untrusted, type Finished } from './ffmpeg.ts'
import { fitFilter } from './output-size.ts'
import { hz, type AudioFacts, type VideoFacts } from './media-info.ts'

export interface Encoding {
  /** x264's constant rate factor; 17 is visually lossless. */
  crf: number
  /** FFV1 in Matroska instead of H.264 in mp4. */
  lossless: boolean
  frame: Frame
  /** Output frames; the sound is cut to their length. */
  frames: number
}

/**
 * Encode raw frames and the recording into one file, once, index in front. Frames are pulled one by
 * one, never faster than they are encoded.
 *
 * @param onFrame called after each frame that the encoder took
 * @returns the name of the encoder
 * @throws WorkerError DISK_FULL, BUG; InputError MEDIA_UNREADABLE when the sound cannot be decoded
 */
export async function encode(
  frames: AsyncIterable<Uint8Array>,
  video: VideoFacts,
  sound: { file: string; facts: AudioFacts },
  output: string,
  encoding: Encoding,
  onFrame: (done: number) => void,
  ctx: RenderContext,
): Promise<string> {
  const { ffmpeg, limits, signal, log } = ctx
  const codec = encoding.lossless ? lossless : await h264(video, sound.facts, encoding.crf, ctx)
  const size = `${video.width}x${video.height}`
  const raw = ['-f', 'rawvideo', '-pix_fmt', canvasOf(video).rawFormat, '-s', size]
  const fit = fitFilter(video, encoding.frame)
  const args = [
    ...['-nostdin', '-v', 'error', ...raw, ...colorTags(video.color)],
    ...['-r', `${video.rate.num}/${video.rate.den}`, '-i', 'pipe:0'],
    ...untrusted(sound.file, limits.maxPixels),
    ...['-map', '0:v:0', '-map', '1:a:0', ...(fit.length ? ['-vf', fit.join(',')] : [])],
    ...['-af', soundFilter(sound.facts), ...codec.video, ...codec.audio],
    ...['-t', String(encoding.frames / hz(video.rate)), ...codec.container, '-y', `file:${output}`],
  ]
  log('ffmpeg', { args: args.join(' ') })
  await using running = await start(ffmpeg.path, args, signal, 'pipe')
  let done = 0
  for await (const frame of frames) {
    await ctx.stage('encode', () => write(running.stdin, frame, running.done))
    onFrame(++done)
  }
  running.stdin.end()
  const finished = await ctx.stage('encode', () => running.done)
  signal.throwIfAborted()
  if (finished.code !== 0) throw failed(finished)
  return codec.name
}

/** The mouth was computed from the first sample on, so the sound starts there too. */
function soundFilter({ floats }: AudioFacts): string {
  const fromZero = 'asetpts=PTS-STARTPTS'
  // AAC ends at the first value that is no number; where samples cannot be such, this would only cost.
  return floats ? `${fromZero},aeval='if(isnan(val(ch)),0,clip(val(ch),-8,8))':c=same` : fromZero
}

/** Hand over one frame and wait until there is room for the next. */
async function write(stdin: Writable, frame: Uint8Array, done: Promise<Finished>): Promise<void> {
  if (stdin.write(frame)) return
  const end = await Promise.race([
    once(stdin, 'drain').then(
      () => undefined,
      () => done,
    ),
    done,
  ])
  if (end) throw failed(end)
}

function failed(finished: Finished): Error {
  const machine = ofMachine(finished, 'encoding the result')
  if (machine) return machine
  if (/#1:|Error while decoding stream #1|matches no streams/i.test(finished.stderr)) {
    return new InputError('MEDIA_UNREADABLE', 'the audio input cannot be decoded to its end')
  }
  const cause = causeOf(finished)
  return new WorkerError('BUG', 'the encoder failed; see the log of the worker', { cause })
}
