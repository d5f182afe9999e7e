import type { RenderContext } from '../render-context.ts'
import { rateArgs, type EncodeRate } from './encode-rate.ts'
import { runToEnd } from '../media/ffmpeg.ts'
import { fps, type ColorTags, type Rate, type VideoInfo } from '../media/media-info.ts'

/** ffmpeg's arguments for one kind of result. */
export interface EncoderArgs {
  /** Name of the video encoder. */
  name: string
  video: string[]
  audio: string[]
  container: string[]
}

/** Stands in every result: whoever finds one can tell that nobody said this. */
export const MADE_BY = 'speech animated by musetalk-worker'

/**
 * AAC with the cheaper of ffmpeg's coders, which at this rate is the better one, as its authors say too: of two recordings of
 * speech it leaves 4 to 13 dB less noise below 8 kHz, in half the time.
 */
export const aac = ['aac', '-aac_coder', 'fast', '-b:a', '192k']

/** H.264 and AAC in mp4: NVENC where a trial of this size works, else x264. */
export async function h264(
  video: VideoInfo,
  soundChannels: number | undefined,
  rate: EncodeRate,
  ctx: RenderContext,
): Promise<EncoderArgs> {
  const encoder = (await nvenc(video, rate, ctx)) ?? x264(rate)
  return {
    name: encoder[1]!,
    video: [...encoder, '-pix_fmt', 'yuv420p', ...colorTags(video.color)],
    audio: ['-c:a', ...aac, '-ar', '48000', ...channelArgs(soundChannels)],
    container: ['-movflags', '+faststart', '-f', 'mp4'],
  }
}

/** Said in any case: Speex has channels without a layout, which encoders do not take. */
export const channelArgs = (channels: number | undefined): string[] => [
  '-ac',
  channels === 1 ? '1' : '2',
]

/** FFV1 in RGB and FLAC, in Matroska: every sample of every frame as it was composed. */
export const lossless: EncoderArgs = {
  name: 'ffv1',
  // A fifth smaller than by its own defaults, for half as much time again: what is lossless waits for uplinks.
  video: [
    ...['-c:v', 'ffv1', '-level', '3', '-coder', '1', '-context', '1', '-g', '25'],
    ...['-slices', '24'],
    ...['-pix_fmt', 'bgr0'],
  ],
  audio: ['-c:a', 'flac'],
  container: ['-f', 'matroska'],
}

/**
 * mp4 in fragments of half a second, and a key frame every 2 s to seek to. Its head waits for the first
 * fragment: written before, it could not say that the sound begins earlier by what the encoder primes it
 * with, nor the pictures by how far they were reordered, and they would be 60 ms apart.
 */
export const fragmentedMp4 = (rate: Rate): string[] => [
  ...['-g', String(Math.round(2 * fps(rate))), '-frag_duration', '500000', '-flush_packets', '1'],
  ...['-movflags', '+frag_keyframe+delay_moov+default_base_moof', '-f', 'mp4'],
]

/**
 * x264's `veryfast` without the smaller blocks of its motion search, which are most of what it has before `superfast`: a
 * quarter of its time, for -1 to 4 % more bytes and .0 to .14 dB of SSIM on five clips of people.
 */
const X264 = ['-preset', 'superfast', '-x264-params', 'mbtree=1:rc-lookahead=10:subme=2:me=hex']

const x264 = (rate: EncodeRate) => [
  ...['-c:v', 'libx264', ...X264],
  ...rateArgs(rate, ['-crf', String(rate.crf)]),
]

async function nvenc(
  { width, height }: VideoInfo,
  rate: EncodeRate,
  { ffmpeg, signal, log }: RenderContext,
): Promise<string[] | undefined> {
  if (!ffmpeg.nvenc) return undefined
  // NVENC's scale of quality lies about two steps above x264's.
  const quality = rateArgs(rate, ['-cq', String(rate.crf + 2)])
  const encoder = ['-c:v', 'h264_nvenc', '-preset', 'p5', '-rc', 'vbr', ...quality]
  // Sessions may be used up at this moment, or the size not be one that the card takes.
  const picture = ['-f', 'lavfi', '-i', `color=s=${width}x${height}:d=0.04`]
  const trial = ['-v', 'error', ...picture, ...encoder, '-f', 'null', '-']
  const { code, stderr } = await runToEnd(ffmpeg.path, trial, signal)
  if (code === 0) return encoder
  log.warn('nvenc.unavailable', { reason: stderr.slice(-200) })
  return undefined
}

/** Tags say what the samples are; they go to the raw input and to the file alike. */
export function colorTags({ matrix, range, primaries, transfer }: ColorTags): string[] {
  return [
    ...(range ? ['-color_range', range] : []),
    ...(matrix ? ['-colorspace', matrix] : []),
    ...(primaries ? ['-color_primaries', primaries] : []),
    ...(transfer ? ['-color_trc', TRANSFERS[transfer] ?? transfer] : []),
  ]
}

/** Transfers that ffmpeg reports under one name and takes under another. */
const TRANSFERS: Record<string, string> = { bt470m: 'gamma22', bt470bg: 'gamma28' }
