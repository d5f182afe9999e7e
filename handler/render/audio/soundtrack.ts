import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RenderContext } from '../render-context.ts'
import type { HeardVoice } from '../frames/script.ts'
import { untrustedInputArgs } from '../media/ffmpeg.ts'
import type { AudioInfo, VideoInfo } from '../media/media-info.ts'
import { fps } from '../media/media-info.ts'
import { OWN_TIMES } from '../media/media-clock.ts'
import type { SourceAudio } from '../media/probe.ts'
import type { SourceSound } from '../voice.ts'
import { SAMPLE_RATE } from './feature-windows.ts'
import type { AudioInput } from './resample-filter.ts'
import { sourceGain, STEPS_PER_S } from './source-gain.ts'

/** The sound of a result, as ffmpeg's arguments; its pictures are input 0. */
export interface Soundtrack {
  inputs: string[]
  /** Which sound is mapped, and how it is filtered. */
  output: string[]
  channels: number | undefined
  seconds: number
}

export interface MixedSoundtrack extends Soundtrack {
  /** The filters that make it; they end in `[sound]`. */
  graph: string
}

export interface SpeakingVoice extends HeardVoice, AudioInput {}

/** The recording, and nothing else. */
export function plainSoundtrack(
  { file, facts, speech }: SpeakingVoice,
  total: number,
  { rate }: VideoInfo,
  { limits }: Pick<RenderContext, 'limits'>,
): Soundtrack {
  return {
    inputs: [...OWN_TIMES, ...untrustedInputArgs(file, limits.maxPixels)],
    output: ['-map', `1:${facts.stream}`, '-af', cleanClock(facts)],
    channels: facts.channels,
    seconds: Math.min(total, speech.frames) / fps(rate),
  }
}

const MIX_RATE = 48_000 // Hz
const FADE_S = 0.02 // so that no cut clicks

/**
 * Several recordings, each in its own time, over the source's own sound: all mixed by ffmpeg as it reads
 * them. As long as the pictures.
 *
 * @param source the sound of the source, where it has any and it is wanted
 */
export async function mixedSoundtrack(
  voices: readonly SpeakingVoice[],
  source: { file: string; sound: SourceAudio } | undefined,
  policy: SourceSound,
  total: number,
  facts: VideoInfo,
  { dir, limits }: Pick<RenderContext, 'dir' | 'limits'>,
): Promise<MixedSoundtrack> {
  const seconds = total / fps(facts.rate)
  const inputs: string[] = [...OWN_TIMES]
  const filters: string[] = []
  let count = 1 // the pictures come first
  const open = (...args: string[]): number => {
    inputs.push(...args)
    return count++
  }
  const labels = voices.map((voice, i) => {
    const input = open(...untrustedInputArgs(voice.file, limits.maxPixels))
    filters.push(`[${input}:${voice.facts.stream}]${voiceFilters(voice)}[voice${i}]`)
    return `[voice${i}]`
  })
  if (source) {
    const gains = join(dir, 'source-gain.f32')
    await writeFile(gains, sourceGain(voices, policy, seconds))
    const own = open(...untrustedInputArgs(source.file, limits.maxPixels))
    const gain = open(
      ...['-f', 'f32le', '-ar', String(STEPS_PER_S), '-ac', '1', '-i', `file:${gains}`],
    )
    const stereo = `aresample=${MIX_RATE},${toStereo({ channels: 1 })}`
    filters.push(
      `[${own}:${source.sound.stream}]${sourceFilters(source.sound, facts, seconds)}[own]`,
    )
    filters.push(`[${gain}:0]${stereo}[gain]`, '[own][gain]amultiply[under]')
    labels.unshift('[under]')
  }
  const mix =
    labels.length === 1 ? '' : `amix=inputs=${labels.length}:normalize=0:duration=longest,`
  filters.push(`${labels.join('')}${mix}apad,atrim=end=${seconds}[sound]`)
  const graph = filters.join(';')
  const output = ['-filter_complex', graph, '-map', '[sound]']
  return { inputs, graph, output, channels: 2, seconds }
}

/** A recording in its time: cut to its span, its ends faded, silence before it. */
function voiceFilters({ facts, span, speech }: SpeakingVoice): string {
  const base = [cleanClock(facts), `aresample=${MIX_RATE}`, toStereo(facts)]
  if (!span) return base.join(',')
  const lengthS = Math.min(span.to! - span.from, speech.samples / SAMPLE_RATE)
  return [
    ...base,
    `atrim=end_sample=${samplesIn(lengthS)}`,
    ...(span.from > 0 ? [`afade=t=in:d=${FADE_S}`] : []),
    fadeOut(lengthS),
    `adelay=delays=${samplesIn(span.from)}S:all=1`,
  ].join(',')
}

/** The source's own sound beside its pictures, from the first that is shown to the last of its part. */
function sourceFilters(sound: SourceAudio, { trim, rate }: VideoInfo, seconds: number): string {
  const firstS = (trim?.first ?? 0) / fps(rate) - sound.lateS
  const at = samplesIn(Math.abs(firstS))
  const place =
    firstS > 0
      ? [`atrim=start_sample=${at}`, 'asetpts=PTS-STARTPTS']
      : at > 0
        ? [`adelay=delays=${at}S:all=1`]
        : []
  const lengthS = (trim?.count ?? Infinity) / fps(rate)
  const end = lengthS < seconds ? [`atrim=end_sample=${samplesIn(lengthS)}`, fadeOut(lengthS)] : []
  return [cleanClock(sound), `aresample=${MIX_RATE}`, toStereo(sound), ...place, ...end].join(',')
}

const samplesIn = (seconds: number): number => Math.round(seconds * MIX_RATE)

/** To the end of what lasts so long. */
const fadeOut = (lengthS: number): string =>
  `afade=t=out:st=${Math.max(0, lengthS - FADE_S)}:d=${FADE_S}`

/** One channel goes to both ears as loud as it is; ffmpeg's own way would take 3 dB from it. */
const toStereo = ({ channels }: Pick<AudioInfo, 'channels'>): string =>
  `${channels === 1 ? 'pan=stereo|c0=c0|c1=c0,' : ''}aformat=sample_fmts=fltp:channel_layouts=stereo`

/** The clock that the mouth was computed by. */
const cleanClock = ({ clock, floats }: AudioInfo): string =>
  // AAC ends at the first value that is no number; where samples cannot be such, this would only cost.
  floats ? `${clock},aeval='if(isnan(val(ch)),0,clip(val(ch),-8,8))':c=same` : clock
