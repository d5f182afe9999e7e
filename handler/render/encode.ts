import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { InputError, WorkerError } from '../errors.ts'
import type { RenderContext } from './context.ts'
import { collect, start, untrusted, type Finished } from './ffmpeg.ts'
import { hz, type AudioFacts, type ColorTags, type VideoFacts } from './media.ts'

export interface Encoding {
  /** x264's constant rate factor; 17 is visually lossless. */
  crf: number
  /** Output frames; the sound is cut to their length. */
  frames: number
}

/**
 * Encode raw frames and the recording into one mp4: H.264 (NVENC where a trial of this size works,
 * else x264), AAC, index in front. Frames are pulled one by one, never faster than they are encoded.
 *
 * @param onFrame called after each frame that the encoder took
 * @throws WorkerError DISK_FULL, BUG; InputError MEDIA_UNREADABLE when the sound cannot be decoded
 */
export async function encode(
  frames: AsyncIterable<Uint8Array>,
  video: VideoFacts,
  sound: { file: string; facts: AudioFacts },
  output: string,
  { crf, frames: total }: Encoding,
  onFrame: (done: number) => void,
  ctx: RenderContext,
): Promise<{ encoder: string }> {
  const { ffmpeg, limits, signal, log } = ctx
  const codec = await chooseEncoder(video, crf, ctx)
  const durationS = total / hz(video.rate)
  const size = `${video.width}x${video.height}`
  const channels = (sound.facts.channels ?? 1) > 2 || sound.facts.channels === undefined ? 2 : 0
  const tags = colorTags(video.color)
  const args = [
    ...['-nostdin', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', size, ...tags],
    ...['-r', `${video.rate.num}/${video.rate.den}`, '-i', 'pipe:0'],
    ...untrusted(sound.file, limits.maxPixels),
    ...['-map', '0:v:0', '-map', '1:a:0', ...codec, '-pix_fmt', 'yuv420p', ...tags],
    // The mouth was computed from the first sample on, so the sound starts there too.
    ...['-af', 'asetpts=PTS-STARTPTS', '-c:a', 'aac', '-b:a', '192k', '-ar', '48000'],
    ...(channels ? ['-ac', String(channels)] : []),
    ...['-t', String(durationS), '-movflags', '+faststart', '-f', 'mp4', '-y', `file:${output}`],
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
  return { encoder: codec[1]! }
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

function failed({ code, stderr }: Finished): Error {
  if (/No space left on device/i.test(stderr)) {
    return new WorkerError('DISK_FULL', 'the disk filled up while encoding the result')
  }
  if (/#1:|Error while decoding stream #1|matches no streams/i.test(stderr)) {
    return new InputError('MEDIA_UNREADABLE', 'the audio input cannot be decoded to its end')
  }
  const cause = new Error(`ffmpeg ended with ${code ?? 'a signal'}: ${stderr.slice(-600)}`)
  return new WorkerError('BUG', 'the encoder failed; see the log of the worker', { cause })
}

/** Tags go to both sides: as what the raw samples are, and as what the file says about them. */
function colorTags({ matrix, range, primaries, transfer }: ColorTags): string[] {
  return [
    ...(range ? ['-color_range', range] : []),
    ...(matrix ? ['-colorspace', matrix] : []),
    ...(primaries ? ['-color_primaries', primaries] : []),
    ...(transfer ? ['-color_trc', transfer] : []),
  ]
}

async function chooseEncoder(
  { width, height }: VideoFacts,
  crf: number,
  { ffmpeg, signal, log }: RenderContext,
): Promise<string[]> {
  const nvenc = ['-c:v', 'h264_nvenc', '-preset', 'p5', '-rc', 'vbr', '-cq', String(crf + 2)]
  if (ffmpeg.nvenc) {
    // Sessions may be used up at this moment, or the size not be one that the card takes.
    const picture = ['-f', 'lavfi', '-i', `color=s=${width}x${height}:d=0.04`]
    const trial = [...picture, ...nvenc, '-f', 'null', '-']
    const { code, stderr } = await collect(ffmpeg.path, ['-v', 'error', ...trial], signal)
    if (code === 0) return nvenc
    log('nvenc.unavailable', { reason: stderr.slice(-200) })
  }
  return ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(crf)]
}
