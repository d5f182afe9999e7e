import { open } from 'node:fs/promises'
import { InputError } from '../../errors.ts'
import { together } from '../../system/all-or-abort.ts'
import { exifFilter } from './exif-orientation.ts'
import { collect, untrusted, type Ffmpeg } from './ffmpeg.ts'
import { conversion, upright } from './input-filters.ts'
import { hz } from './media-info.ts'
import type { AudioFacts, Rate, Reading, Report, StreamReport, VideoFacts } from './media-info.ts'
import { readFfmpegText, readProbeJson } from './ffprobe-output.ts'

export interface MediaLimits {
  maxVideoS: number
  maxAudioS: number
  maxPixels: number
}

const MIN_SIDE = 64 // px; below, the 68 landmarks of a face lie closer than its detector resolves
const FPS_RANGE = [5, 120] as const

/**
 * Read the facts of both inputs and refuse what is too small, too large or too long, before any
 * frame is decoded.
 *
 * @throws InputError MEDIA_UNREADABLE, MEDIA_TOO_SMALL, MEDIA_TOO_LARGE, MEDIA_TOO_LONG
 */
export async function probe(
  files: { video: string; audio: string },
  reading: Reading,
  limits: MediaLimits,
  ffmpeg: Ffmpeg,
  signal: AbortSignal,
): Promise<{ video: VideoFacts; audio: AudioFacts }> {
  const [ofVideo, ofAudio] = await together(signal, [
    (either) => report(files.video, 'video', limits, ffmpeg, either),
    (either) => report(files.audio, 'audio', limits, ffmpeg, either),
  ])
  const video = videoFacts(ofVideo!, limits, reading, await exifFilter(files.video))
  return { video, audio: audioFacts(ofAudio!, limits) }
}

async function report(
  file: string,
  role: 'video' | 'audio',
  limits: MediaLimits,
  ffmpeg: Ffmpeg,
  signal: AbortSignal,
): Promise<Report> {
  await refuseEmpty(file, role)
  const input = untrusted(file, limits.maxPixels)
  const json = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams']
  const finished = ffmpeg.probe
    ? await collect(ffmpeg.probe, [...json, ...input], signal)
    : await collect(ffmpeg.path, ['-hide_banner', ...input], signal)
  const found = ffmpeg.probe
    ? readProbeJson(finished.stdout.toString())
    : readFfmpegText(finished.stderr)
  if (/picture size .* (?:is invalid|exceeds)|dimensions .* too large/i.test(finished.stderr)) {
    const most = `${limits.maxPixels} pixels`
    throw new InputError('MEDIA_TOO_LARGE', `the ${role} input has more than ${most} in a frame`)
  }
  if (!found.format) {
    const message = `the ${role} input is not a media file that can be read (empty, damaged, or a playlist)`
    throw new InputError('MEDIA_UNREADABLE', message)
  }
  return found
}

async function refuseEmpty(file: string, role: string): Promise<void> {
  await using handle = await open(file)
  const { size } = await handle.stat()
  if (size === 0) throw new InputError('MEDIA_UNREADABLE', `the ${role} input is empty (0 bytes)`)
}

function videoFacts(
  found: Report,
  limits: MediaLimits,
  reading: Reading,
  exif: string | undefined,
): VideoFacts {
  const stream = found.streams.find(({ kind, cover }) => kind === 'video' && !cover)
  if (!stream?.width || !stream.height) {
    const kinds = found.streams.map(({ kind, cover }) => (cover ? 'cover art' : kind)).join(', ')
    const message = `the video input has no picture stream (found: ${kinds || 'nothing'})`
    throw new InputError('MEDIA_UNREADABLE', message)
  }
  const still = /_pipe$|^image2$/.test(found.format) || stream.frames === 1
  const durationS = stream.durationS ?? found.durationS
  if (!still) {
    refuseLong('video', durationS, limits.maxVideoS)
    // A forged table can name more frames than its duration holds, and be walked for ever.
    refuseLong('video', (stream.frames ?? 0) / FPS_RANGE[1], limits.maxVideoS)
  }
  const rate = still ? { num: 25, den: 1 } : usableRate(stream)
  const size = upright(stream, exif, reading)
  refuseSize(size, limits.maxPixels)
  return {
    still,
    width: size.width,
    height: size.height,
    rate,
    variable: !still && isVariable(stream),
    ...(durationS !== undefined && { durationS }),
    offsetS: Math.max(0, (stream.startS ?? 0) - (found.startS ?? stream.startS ?? 0)),
    turnedByExif: exif !== undefined,
    ...conversion(stream, size, exif, reading),
  }
}

function audioFacts(found: Report, limits: MediaLimits): AudioFacts {
  const stream = found.streams.find(({ kind }) => kind === 'audio')
  if (!stream) {
    throw new InputError('MEDIA_UNREADABLE', 'the audio input has no sound stream')
  }
  const durationS = stream.durationS ?? found.durationS
  refuseLong('audio', durationS, limits.maxAudioS)
  return {
    floats: /^pcm_f/.test(stream.codec ?? ''),
    ...(durationS !== undefined && { durationS }),
    ...(stream.channels !== undefined && { channels: stream.channels }),
    ...(stream.sampleRate !== undefined && { sampleRate: stream.sampleRate }),
    ...samplesOf(stream),
  }
}

/** Where sound is stored sample by sample, its length in microseconds says how many there are. */
function samplesOf({ codec, durationS, sampleRate }: StreamReport): Pick<AudioFacts, 'samples'> {
  if (!/^(pcm_|flac$)/.test(codec ?? '') || !durationS || !sampleRate) return {}
  return { samples: Math.round(durationS * sampleRate) }
}

export function refuseLong(role: string, durationS: number | undefined, maxS: number): void {
  if (durationS !== undefined && durationS > maxS) {
    const message = `the ${role} lasts ${Math.round(durationS)} s; the limit is ${maxS} s`
    throw new InputError('MEDIA_TOO_LONG', message)
  }
}

function refuseSize({ width, height }: { width: number; height: number }, maxPixels: number): void {
  const message = `the picture is ${width}x${height} px; `
  if (Math.min(width, height) < MIN_SIDE) {
    throw new InputError('MEDIA_TOO_SMALL', `${message}the shorter side must have ${MIN_SIDE} px`)
  }
  if (width * height > maxPixels) {
    throw new InputError('MEDIA_TOO_LARGE', `${message}the limit is ${maxPixels} pixels`)
  }
}

const isVariable = ({ average, base }: StreamReport): boolean =>
  !average || !base || Math.abs(hz(average) / hz(base) - 1) > 0.005

function usableRate(stream: StreamReport): Rate {
  const rate = stream.average ?? stream.base ?? { num: 25, den: 1 }
  const [least, most] = FPS_RANGE
  if (hz(rate) < least) return { num: least, den: 1 }
  if (hz(rate) > most) return { num: most, den: 1 }
  return isVariable(stream) ? { num: Math.round(hz(rate) * 1000), den: 1000 } : rate
}
