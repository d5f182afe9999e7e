import { InputError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import { tryOut } from '../media/probing/try-out.ts'
import type { VideoInfo } from '../media/media-info.ts'
import { aac, colorTags, type EncoderArgs } from './encoder-args.ts'
import { rateArgs, type EncodeRate } from './encode-rate.ts'
import {
  CODECS_OF,
  codecOf,
  type OutputCodec,
  type OutputFormat,
  type WantedFormat,
} from './output-formats.ts'

/**
 * ffmpeg's encoders of a codec, the best first, at about the quality of x264's constant rate factor. Lists
 * of encoders say nothing about drivers and sizes, so each is tried before it is taken.
 */
const ENCODERS: Record<Exclude<OutputCodec, 'h264'>, (rate: EncodeRate) => string[][]> = {
  hevc: (rate) => [
    ['hevc_nvenc', '-preset', 'p5', '-rc', 'vbr', ...at(rate, 4, '-cq'), '-tag:v', 'hvc1'],
    // x265 tells its statistics otherwise, and players of Apple's want the other tag.
    ['libx265', '-preset', 'fast', ...at(rate, 2), ...quietX265, '-tag:v', 'hvc1'],
  ],
  av1: (rate) => [
    ['av1_nvenc', '-preset', 'p5', '-rc', 'vbr', ...at(rate, 12, '-cq')],
    ['libsvtav1', '-preset', '9', ...at(rate, 11)],
    ['libaom-av1', '-cpu-used', '8', '-row-mt', '1', ...at(rate, 11, '-crf', UNBOUND)],
  ],
  vp9: (rate) => [
    [
      ...['libvpx-vp9', '-deadline', 'good', '-cpu-used', '5', '-row-mt', '1'],
      ...at(rate, 8, '-crf', UNBOUND),
    ],
  ],
  // One quality, which is ProRes's own; alpha has the 8 bits that frames have.
  prores: () => [['prores_ks', '-profile:v', '4444', '-alpha_bits', '8', '-vendor', 'apl0']],
}
const UNBOUND = ['-b:v', '0']

/** What surrounds a codec's pictures in a file, and what they are made of. */
const CONTAINERS: Record<OutputFormat, { sound: string[]; container: string[]; samples: string }> =
  {
    mp4: {
      sound: aac,
      container: ['-movflags', '+faststart', '-f', 'mp4'],
      samples: 'yuv420p',
    },
    webm: { sound: ['libopus', '-b:a', '160k'], container: ['-f', 'webm'], samples: 'yuv420p' },
    // For editors, which want sound as it is.
    mov: { sound: ['pcm_s16le'], container: ['-f', 'mov'], samples: 'yuva444p10le' },
  }

/** @param above how much higher its scale of quality lies than x264's */
const at = (rate: EncodeRate, above: number, name = '-crf', more: string[] = []) =>
  rateArgs(rate, [name, String(rate.crf + above), ...more])

const quietX265 = ['-x265-params', 'log-level=error']

/**
 * The encoder of a job that asks for another codec than H.264, by a trial of one frame with sound.
 *
 * @returns what `encode` takes as its `encoder`; undefined where it does not, and for lossless results
 * @throws InputError INVALID_JOB where this ffmpeg has none, saying which codecs it has
 */
export async function chooseEncoder(
  wanted: WantedFormat,
  rate: EncodeRate,
  video: VideoInfo,
  ctx: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<EncoderArgs | undefined> {
  const codec = codecOf(wanted)
  const { format = 'mp4', lossless } = wanted
  if (codec === 'h264' || lossless) return undefined
  const { sound, container, samples } = CONTAINERS[format]
  const args = { audio: ['-c:a', ...sound, '-ar', '48000'], container }
  const encoder = await firstThatWorks(codec, rate, video, samples, args.audio, ctx)
  if (encoder) {
    const pictures = ['-c:v', ...encoder, '-pix_fmt', samples, ...colorTags(video.color)]
    return { name: encoder[0]!, video: pictures, ...args }
  }
  const others = []
  for (const other of CODECS_OF[format]) {
    if (other === codec) continue
    const works =
      other === 'h264' || (await firstThatWorks(other, rate, video, samples, args.audio, ctx))
    if (works) others.push(other)
  }
  const has =
    others.length > 0 ? `of ${format} it has ${others.join(', ')}` : `nor any of ${format}`
  const message = `the ffmpeg of this worker has no encoder of ${codec} that works; ${has}`
  throw new InputError('INVALID_JOB', `output.codec: ${message}`)
}

async function firstThatWorks(
  codec: Exclude<OutputCodec, 'h264'>,
  rate: EncodeRate,
  { width, height }: VideoInfo,
  samples: string,
  audio: string[],
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<string[] | undefined> {
  const inputs = [
    ...['-f', 'lavfi', '-i', `color=s=${width}x${height}:r=25:d=0.04`],
    ...['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo:d=0.04'],
  ]
  for (const encoder of ENCODERS[codec](rate)) {
    if (encoder[0]!.endsWith('_nvenc') && !ffmpeg.nvenc) continue
    const trial = ['-v', 'error', ...inputs, '-c:v', ...encoder, '-pix_fmt', samples, ...audio]
    const args = [...trial, '-f', 'null', '-']
    const { code } = await tryOut([ffmpeg.path, args], 'trying an encoder', signal)
    if (code === 0) return encoder
  }
  return undefined
}
