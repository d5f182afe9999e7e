import { InputError } from '../../errors.ts'
import { allOrAbort } from '../../system/all-or-abort.ts'
import { toSystemError } from './ffmpeg-errors.ts'
import { chooseFrameRate, isVariable, MAX_FPS, ownRate, STILL } from './frame-rate.ts'
import { exifFilter } from './probing/exif-orientation.ts'
import { withLimits } from './child-limits.ts'
import { runToEnd, untrustedInputArgs, type Ffmpeg } from './ffmpeg.ts'
import { conversionFilters, displayOf, hasAlpha } from './input-filters.ts'
import { assertPresent, statedDuration } from './cut-off.ts'
import { measurePictures, type MeasuredPictures } from './probing/measure-pictures.ts'
import { durationOf, offsetOf, soundClock } from './media-clock.ts'
import { openedPixels, type MediaLimits } from './probing/media-limits.ts'
import { fps } from './media-info.ts'
import type { AudioInfo, ReadOptions, ProbeResult, StreamInfo, VideoInfo } from './media-info.ts'
import { describeFile, readHead } from './probing/file-signature.ts'
import { parseFfmpegBanner, parseFfprobeJson } from './probing/ffprobe-output.ts'
import { presentShare } from './probing/present-share.ts'

const PROBE_CPU_S = 60 // a header takes milliseconds; a forged one can take hours
const MIN_SIDE = 64 // px; below, the 68 landmarks of a face lie closer than its detector resolves

/**
 * Read the facts of both inputs and refuse what is too small, too large or too long, before any
 * frame is decoded.
 *
 * @throws InputError MEDIA_UNREADABLE, MEDIA_TOO_SMALL, MEDIA_TOO_LARGE, MEDIA_TOO_LONG
 */
export async function probe(
  files: { video: string; audio: readonly string[] },
  reading: ReadOptions,
  limits: MediaLimits,
  ffmpeg: Ffmpeg,
  signal: AbortSignal,
): Promise<{ video: VideoInfo; audio: AudioInfo[]; sourceAudio?: SourceAudio }> {
  const [ofVideo, ...ofAudio] = await allOrAbort(signal, [
    (either) => probeFile(files.video, 'video', limits, ffmpeg, either),
    ...files.audio.map(
      (file) => (either: AbortSignal) => probeFile(file, 'audio', limits, ffmpeg, either),
    ),
  ])
  const stream = pictureStream(ofVideo!)
  const doubtful = claimsOnePicture(stream) || (isVariable(stream) && !isStillFormat(ofVideo!))
  const measured = doubtful
    ? await measurePictures({ file: files.video, stream: stream.index }, limits, ffmpeg, signal)
    : undefined
  const exif = await exifFilter(files.video)
  const video = videoFacts(ofVideo!, stream, measured, exif, limits, reading)
  const sourceAudio = video.still ? undefined : sourceAudioFacts(ofVideo!, stream, limits, reading)
  return {
    video,
    audio: ofAudio.map((found) => audioFacts(found, limits, reading)),
    ...(sourceAudio && { sourceAudio }),
  }
}

/** The sound that a source has itself. */
export interface SourceAudio extends AudioInfo {
  /** Seconds from its first picture to its first sample. */
  lateS: number
}

function sourceAudioFacts(
  found: ProbeResult,
  picture: StreamInfo,
  limits: MediaLimits,
  reading: ReadOptions,
): SourceAudio | undefined {
  const sound = chosen(found.streams.filter(({ kind }) => kind === 'audio'))
  if (!sound) return undefined
  const facts = audioFacts(found, { ...limits, maxAudioS: Infinity }, reading)
  return { ...facts, lateS: offsetOf(sound, found) - offsetOf(picture, found) }
}

async function probeFile(
  file: string,
  role: 'video' | 'audio',
  limits: MediaLimits,
  ffmpeg: Ffmpeg,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { head, size } = await readHead(file)
  if (head.length === 0) {
    throw new InputError('MEDIA_UNREADABLE', `the ${role} input is empty (0 bytes)`)
  }
  const input = untrustedInputArgs(file, openedPixels(limits), limits.maxPixels)
  const json = ['-v', 'warning', '-of', 'json', '-show_format', '-show_streams']
  const [program, args] = ffmpeg.probe
    ? [ffmpeg.probe, [...json, ...input]]
    : [ffmpeg.path, ['-hide_banner', ...input]]
  // ffmpeg itself would take that signal for its user's wish to end.
  const maxCpuS = ffmpeg.probe ? PROBE_CPU_S : undefined
  const limited = withLimits(program, args, limits.maxPixels, maxCpuS)
  const finished = await runToEnd(...limited, signal)
  const found = ffmpeg.probe
    ? parseFfprobeJson(finished.stdout.toString())
    : parseFfmpegBanner(finished.stderr)
  if (/picture size .* (?:is invalid|exceeds)|dimensions .* too large/i.test(finished.stderr)) {
    const message = `the ${role} input has more than ${openedPixels(limits)} pixels in a frame`
    throw new InputError('MEDIA_TOO_LARGE', message)
  }
  const failed = found.format ? undefined : toSystemError(finished, `reading the ${role} input`)
  if (failed) throw failed
  const what = describeFile(head)
  if (!found.format) {
    throw new InputError('MEDIA_UNREADABLE', `the ${role} input ${refusal(what, finished.stderr)}`)
  }
  const share = presentShare(head, size)
  if (found.durationS === undefined) assertPresent(role, share)
  const estimated = /Estimating duration from bitrate/.test(finished.stderr)
  return {
    ...found,
    ...(estimated && { estimated }),
    ...(what && { what }),
    ...{ bytes: size, share },
  }
}

/** Kinds that some ffmpegs read. */
const OFTEN_TAKEN = /AVIF|JPEG XL/

/** Why a file is refused that ffmpeg could not open: for what it is, where that can be said. */
function refusal(what: string | undefined, stderr: string): string {
  const format = /\[(\w+)[^\]]*\] Format not on whitelist/.exec(stderr)?.[1]
  if (what && OFTEN_TAKEN.test(what)) {
    return `is not all of ${what}, or one that the ffmpeg of this worker cannot read`
  }
  if (what) return `is ${what}, which this worker does not take`
  if (format) return `has the format "${format}", which this worker does not take`
  return 'is not a media file that can be read: damaged, cut off, or of a format that ffmpeg does not know'
}

/** The one that a player takes: what the file marks, else the first. */
const chosen = (streams: StreamInfo[]): StreamInfo | undefined =>
  streams.find(({ byDefault }) => byDefault) ?? streams[0]

function pictureStream({ streams, what }: ProbeResult): StreamInfo {
  const stream = chosen(streams.filter(({ kind, cover }) => kind === 'video' && !cover))
  const { width, height } = stream ?? {}
  if (stream && width && height) return stream
  if (stream) {
    const codec = stream.codec ?? 'of an unknown kind'
    const message = what
      ? `the video input is ${what} that the ffmpeg of this worker cannot read`
      : `the video input is a video or picture (${codec}) that is damaged or cut off, or of a kind that the ffmpeg of this worker cannot read`
    throw new InputError('MEDIA_UNREADABLE', message)
  }
  const kinds = streams.map(({ kind, cover }) => (cover ? 'cover art' : kind)).join(', ')
  const message = `the video input has no picture stream (found: ${kinds || 'nothing'})`
  throw new InputError('MEDIA_UNREADABLE', message)
}

/** Containers with an index, which ffmpeg follows to the frame. */
const SEEKABLE = /mov|matroska/

/** Matroska does not count its pictures. */
const claimsOnePicture = ({ frames, durationS, average }: StreamInfo): boolean =>
  frames === 1 || (frames === undefined && !!average && Math.round(durationS! * fps(average)) === 1)

const isStillFormat = ({ format }: ProbeResult): boolean => /_pipe$|^image2$/.test(format)

function videoFacts(
  found: ProbeResult,
  stream: StreamInfo,
  measured: MeasuredPictures | undefined,
  exif: string | undefined,
  limits: MediaLimits,
  reading: ReadOptions,
): VideoInfo {
  const still = isStillFormat(found) || measured?.count === 1
  const durationS = durationOf(stream, found)
  if (!still) {
    assertDuration('video', durationS, limits.maxVideoS)
    // A forged table can name more frames than its duration holds, and be walked for ever.
    assertDuration('video', (stream.frames ?? 0) / MAX_FPS, limits.maxVideoS)
  }
  if (reading.keepAlpha && !hasAlpha(stream)) throw opaqueError(stream)
  const display = displayOf(stream, exif, reading, still ? limits.maxPixels : undefined)
  assertSize(display, limits.maxPixels)
  return {
    still,
    stream: stream.index,
    width: display.width,
    height: display.height,
    rate: still ? STILL : chooseFrameRate(stream, measured?.rate, reading.referenceMode),
    ownRate: still ? STILL : ownRate(stream, measured?.rate),
    scale: display.stored.width / stream.width!,
    maxStoredPixels: still ? openedPixels(limits) : limits.maxPixels,
    variable: !still && isVariable(stream),
    seekable: SEEKABLE.test(found.format) && !isVariable(stream),
    ...(durationS !== undefined && { durationS }),
    statedS: still ? undefined : statedDuration(stream, found),
    offsetS: offsetOf(stream, found),
    ...conversionFilters(stream, display, still, reading),
  }
}

function opaqueError({ codec, pixelFormat }: StreamInfo): InputError {
  const found = `the video input (${codec}, ${pixelFormat}) has no transparency that could be kept`
  return new InputError('INVALID_JOB', `output.format: ${found}; take mp4 or webm`)
}

function audioFacts(found: ProbeResult, limits: MediaLimits, reading: ReadOptions): AudioInfo {
  const stream = chosen(found.streams.filter(({ kind }) => kind === 'audio'))
  if (!stream) {
    throw new InputError('MEDIA_UNREADABLE', 'the audio input has no sound stream')
  }
  const durationS = durationOf(stream, found)
  assertDuration('audio', durationS, limits.maxAudioS)
  return {
    stream: stream.index,
    clock: soundClock(found.format, reading.referenceMode),
    floats: stream.codec?.startsWith('pcm_f') ?? false,
    statedS: statedDuration(stream, found),
    ...(durationS !== undefined && { durationS }),
    ...(stream.channels !== undefined && { channels: stream.channels }),
    ...(stream.sampleRate !== undefined && { sampleRate: stream.sampleRate }),
    ...samplesOf(stream),
  }
}

/** Where sound is stored sample by sample, its length in microseconds says how many there are. */
function samplesOf({ codec, durationS, sampleRate }: StreamInfo): Pick<AudioInfo, 'samples'> {
  if (!/^(pcm_|flac$)/.test(codec ?? '') || !durationS || !sampleRate) return {}
  return { samples: Math.round(durationS * sampleRate) }
}

export function assertDuration(role: string, durationS: number | undefined, maxS: number): void {
  if (durationS !== undefined && durationS > maxS) {
    const message = `the ${role} lasts ${Math.round(durationS)} s; the limit is ${maxS} s`
    throw new InputError('MEDIA_TOO_LONG', message)
  }
}

function assertSize({ width, height }: { width: number; height: number }, maxPixels: number): void {
  const message = `the picture is ${width}x${height} px; `
  if (Math.min(width, height) < MIN_SIDE) {
    throw new InputError('MEDIA_TOO_SMALL', `${message}the shorter side must have ${MIN_SIDE} px`)
  }
  if (width * height > maxPixels) {
    throw new InputError('MEDIA_TOO_LARGE', `${message}the limit is ${maxPixels} pixels`)
  }
}
