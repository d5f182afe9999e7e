import { mkdir } from 'node:fs/promises'
import type { Models } from '../../models/inference/bundle.ts'
import type { Job } from '../parse-job.ts'
import { ahead } from '../system/prefetch.ts'
import { prepareAvatar, type Avatar } from './face/avatar.ts'
import type { AvatarCache } from './face/avatar-cache.ts'
import { composite } from './frames/composite.ts'
import { stageClock, type Log, type RenderContext, type Stage } from './context.ts'
import { encode } from './media/encode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { fittedSize } from './media/output-size.ts'
import { generate } from './frames/generate-faces.ts'
import { speaking } from './audio/silence-detection.ts'
import { hz, rateOf, type Rate, type Reading, type VideoFacts } from './media/media-info.ts'
import { play } from './frames/ping-pong.ts'
import { probe, refuseLong, type MediaLimits } from './media/probe.ts'
import { listen, type Speech } from './audio/speech-features.ts'
import { refuseBlind } from './face/face-tracker.ts'

/** One render, as it crosses to the process that does it: files and plain values. */
export interface RenderTask {
  video: string
  audio: string
  /** Where the mp4 goes; its folder exists. */
  output: string
  /** A folder of this render's own, removed by whoever made it. */
  dir: string
  options: RenderOptions
  limits: MediaLimits
  batchSize?: number
}

export type RenderOptions = Pick<
  Job,
  'face' | 'length' | 'silence' | 'fps' | 'mask' | 'compat' | 'frame'
> &
  Pick<Job['output'], 'crf' | 'lossless'>

export interface RenderReport {
  width: number
  height: number
  fps: number
  frames: number
  duration_sec: number
  frames_without_face: number
  bundle: { name: string; version: string; id: string }
  encoder: string
  /** Largest resident size of the process that rendered, MB; ffmpeg's are not in it. */
  peak_memory_mb: number
  /** Seconds; stages overlap. */
  stage_times: Record<Stage, number>
}

export interface RenderCall {
  signal: AbortSignal
  /** Frames of the result that are finished. */
  onProgress(done: number, total: number): void
  log: Log
}

/** Files in, one finished mp4 out. Implemented in this process, or by one that may be killed. */
export type Render = (task: RenderTask, call: RenderCall) => Promise<RenderReport>

/** The render of this process: probe → speech → avatar → generate → composite → encode. */
export function renderer(models: Models, ffmpeg: Ffmpeg, cache?: AvatarCache): Render {
  return async (task, { signal, onProgress, log }) => {
    const { options, limits, dir } = task
    const clock = stageClock()
    const tools = { models, ffmpeg, limits, ...(cache && { cache }) }
    const ctx: RenderContext = { ...tools, dir, signal, log, stage: clock.stage }
    await mkdir(dir, { recursive: true })
    const rule = options.compat ?? 'recommended'

    refuseBlind(models, options)
    const reading = readingFor(options)
    const media = await ctx.stage('probe', () => probe(task, reading, limits, ffmpeg, signal))
    const rate = options.fps === undefined ? media.video.rate : rateOf(options.fps)
    const source = { file: task.video, facts: { ...media.video, rate } }
    const sound = { file: task.audio, facts: media.audio }
    await using speech = await ctx.stage('speech', () => listen(sound, rate, rule, ctx))
    const longest = Math.ceil(limits.maxVideoS * hz(rate))
    const most = framesToScan(options.length, speech, longest)
    await using avatar = await ctx.stage('avatar', () =>
      prepareAvatar(
        source,
        most,
        { ...options, face: faceAt(rate, options.face, media.video) },
        ctx,
      ),
    )
    if (avatar.count > longest) refuseLong('video', avatar.count / hz(rate), limits.maxVideoS)

    const total = outputFrames(options.length, speech, avatar)
    const shown = whenShown(options, speech, total, rate)
    const batchSize = task.batchSize ?? models.manifest.batch.at(-1)!
    const mouths = ahead(1, generate(avatar, speech, total, shown, batchSize, ctx))
    const playback = { source, count: avatar.count, fingerprintOf: avatar.fingerprintOf }
    const frames = composite(play(playback, total, ctx), mouths, avatar, source.facts, ctx)
    const { crf, lossless, frame } = options
    const encoding = { crf, lossless, frame, frames: total }
    const report = (done: number) => onProgress(done, total)
    const facts = source.facts
    const encoder = await encode(frames, facts, sound, task.output, encoding, report, ctx)

    const { name, version } = models.manifest
    return {
      ...fittedSize(facts, frame),
      fps: hz(rate),
      frames: total,
      duration_sec: total / hz(rate),
      frames_without_face: avatar.withoutFace,
      bundle: { name, version, id: models.id },
      encoder,
      peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      stage_times: clock.seconds(),
    }
  }
}

/** MuseTalk works in RGB; what shall be lossless must not pass 4:2:0 either. */
const readingFor = ({ compat, lossless }: RenderOptions): Reading => ({
  samples: compat || lossless ? 'rgb' : 'yuv',
  anySize: lossless,
  asStored: compat === 'reference',
})

/** A job's boxes count the source's frames; at another rate a frame takes those of what it shows. */
function faceAt(rate: Rate, face: Job['face'], source: VideoFacts): Job['face'] {
  if (typeof face !== 'object' || !('boxes' in face)) return face
  const step = hz(source.rate) / hz(rate)
  // ffmpeg's fps filter shows the last picture whose rounded time has come
  const shown = (i: number) => face.boxes[Math.ceil((i + 0.5) * step) - 1] ?? null
  return { boxes: Array.from({ length: Math.ceil(face.boxes.length / step) }, (_, i) => shown(i)) }
}

/** Only frames that will be shown are worth looking at; some files tell their length at their end. */
const framesToScan = (length: Job['length'], speech: Speech, longest: number): number =>
  Math.min(length === 'video' ? Infinity : speech.frames, longest + 1)

function outputFrames(length: Job['length'], speech: Speech, avatar: Avatar): number {
  switch (length) {
    case 'audio':
      return speech.frames
    case 'video':
      return avatar.count
    case 'shortest':
      return Math.min(speech.frames, avatar.count)
  }
}

const OUTRO_S = 0.2 // how the mouth returns to the source after the last word

/** How much of the generated mouth an output frame shows: all of it unless the job says otherwise. */
function whenShown(options: RenderTask['options'], speech: Speech, total: number, rate: Rate) {
  const weights = options.silence === 'source' ? speaking(speech.loudness, total, rate) : undefined
  const outro = OUTRO_S * hz(rate)
  return (index: number): number => {
    const left = speech.frames - index
    const ending = total > speech.frames ? Math.min(1, Math.max(0, left / outro)) : 1
    return ending * (weights?.[index] ?? 1)
  }
}
