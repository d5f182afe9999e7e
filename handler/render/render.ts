import { mkdir } from 'node:fs/promises'
import type { GraphName } from '../../models/inference/manifest.ts'
import type { Models } from '../../models/inference/models.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import type { Length, RenderOptions, TakenFace } from './render-options.ts'
import { BufferPool } from './buffer-pool.ts'
import type { Avatar } from './avatar/avatar.ts'
import { prepareAvatar } from './avatar/prepare-avatar.ts'
import type { AvatarCache } from './avatar/avatar-cache.ts'
import { createRenderTurns, inTurn } from './render-turns.ts'
import { composite } from './frames/composite.ts'
import { playModeOf } from './frames/frame-schedule.ts'
import { InputError } from '../errors.ts'
import type { Log } from '../log.ts'
import { createStageTimer, stagedItems, type RenderContext, type Stage } from './context.ts'
import { encode } from './encode/encode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { assertOutputSize, outputSize } from './encode/output-size.ts'
import { verifyOutput } from './encode/verify-output.ts'
import { generate } from './frames/generate-faces.ts'
import { speechWeights } from './audio/silence-detection.ts'
import { parseFps } from './media/frame-rate.ts'
import { fps, type Rate, type ReadOptions } from './media/media-info.ts'
import { partOfSound, partOfVideo, type Span } from './media/part-of-file.ts'
import { probe, assertDuration, type MediaLimits } from './media/probe.ts'
import { extractSpeechFeatures, type SpeechFeatures } from './audio/speech-features.ts'
import { choiceInFrames, takenFace } from './face/face-choice.ts'
import { assertDetectorAvailable } from './face/face-tracker.ts'

/** One render, as it crosses to the process that does it: files and plain values. */
export interface RenderTask {
  video: string
  audio: string
  /** Where the mp4 goes; its folder exists. */
  output: string
  /** A folder of this render's own, removed by whoever made it. */
  dir: string
  /** Seconds of the video that make the result. */
  trim?: Span | undefined
  /** Seconds of the recording that are spoken. */
  speech?: Span | undefined
  options: RenderOptions
  limits: MediaLimits
  batchSize?: number
}

export interface RenderReport {
  width: number
  height: number
  fps: number
  frames: number
  duration_sec: number
  frames_without_face: number
  /** Absent where nothing was drawn. */
  face?: TakenFace
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
  /** Source frames that were looked at, where all are before the first frame of the result is drawn. */
  onScanned?(done: number, total: number): void
  /** The render begins anew: what was written counts no more, and will be overwritten. */
  onRestart?(): void
  log: Log
}

/** Files in, one finished mp4 out. Implemented in this process, or by one that may be killed. */
export type Render = (task: RenderTask, call: RenderCall) => Promise<RenderReport>

/**
 * The render of this process: probe → speech → avatar → generate → composite → encode. Several may run
 * at once: what came later makes ready meanwhile, and draws when the earlier ones have.
 */
export function createRenderer(bundle: Models, ffmpeg: Ffmpeg, cache?: AvatarCache): Render {
  const buffers = new BufferPool()
  const pixels = openPixels()
  const turns = createRenderTurns()
  return async (task, { signal, onProgress, onScanned = () => {}, log }) => {
    const { options, limits, dir } = task
    using turn = turns.next()
    const models = ranked(bundle, turn.rank)
    const clock = createStageTimer(signal)
    const tools = { models, pixels, ffmpeg, buffers, limits, ...(cache && { cache }) }
    const ctx: RenderContext = { ...tools, dir, signal, log, onScanned, stage: clock.stage }
    await mkdir(dir, { recursive: true })
    const ruleSet = options.compat ?? 'recommended'

    assertDetectorAvailable(models, options)
    const reading = readOptions(options)
    const media = await ctx.stage('probe', () => probe(task, reading, limits, ffmpeg, signal))
    assertOutputSize(media.video, options.frame, limits.maxPixels)
    const rate = options.fps === undefined ? media.video.rate : parseFps(options.fps)
    const source = { file: task.video, facts: partOfVideo({ ...media.video, rate }, task.trim) }
    const sound = { file: task.audio, facts: partOfSound(media.audio, task.speech) }
    await using speech = await ctx.stage('speech', () =>
      extractSpeechFeatures(sound, rate, ruleSet, ctx),
    )
    const maxFrames = Math.ceil(limits.maxVideoS * fps(rate))
    const batchSize = task.batchSize ?? models.manifest.batch.at(-1)!
    const scan = {
      ...{ source, batchSize, limit: framesToScan(options.length, speech, maxFrames) },
      options: { ...options, face: choiceInFrames(options.face, source.facts) },
    }
    const isSpeechLong = options.length === 'audio' || options.length === 'loop'
    const known = isSpeechLong && speech.frames <= maxFrames ? speech.frames : undefined
    await using avatar = await ctx.stage('avatar', () => prepareAvatar(scan, known, ctx))
    if (avatar.count > maxFrames)
      assertDuration('video', avatar.count / fps(rate), limits.maxVideoS)

    const total = outputFrames(options.length, speech, avatar)
    if (options.length === 'remap' && !media.video.still) assertSpeed(avatar.count / total)
    const shown = visibilityFn(options, speech, total, rate)
    const played = stagedItems('avatar', avatar.play(total, playModeOf(options.length)), ctx)
    const faces = generate(played, avatar, speech, shown, batchSize, ctx)
    const frames = composite(faces, source.facts, options, ctx)
    const { crf, lossless, fragmented, frame } = options
    const encoding = { crf, lossless, fragmented, frame, frames: total }
    const report = (done: number) => onProgress(done, total)
    const facts = source.facts
    const drawn = inTurn(frames, turn, signal)
    const encoder = await encode(drawn, facts, sound, task.output, encoding, report, ctx)
    const soundS = Math.min(total, speech.frames) / fps(rate)
    const planned = { ...outputSize(facts, frame), frames: total, soundS }
    await ctx.stage('encode', () => verifyOutput(task.output, planned, ctx))

    const { name, version } = models.manifest
    const face = takenFace(options.face, avatar.first, source.facts)
    return {
      ...outputSize(facts, frame),
      fps: fps(rate),
      frames: total,
      duration_sec: total / fps(rate),
      frames_without_face: avatar.withoutFace,
      ...(face && { face }),
      bundle: { name, version, id: models.id },
      encoder,
      peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      stage_times: clock.seconds(),
    }
  }
}

/** Earlier renders go first; and in each what finds the face, for one frame of it waits for another. */
const ranked = (models: Models, rank: number): Models => ({
  ...models,
  run: (graph, feeds) => models.run(graph, feeds, 2 * rank + (DETECTION.has(graph) ? 0 : 1)),
})

const DETECTION = new Set<GraphName>(['face', 'face_reference', 'track', 'listen'])

/** MuseTalk works in RGB; what shall be lossless must not pass 4:2:0 either. */
const readOptions = ({ compat, lossless }: RenderOptions): ReadOptions => ({
  samples: compat || lossless ? 'rgb' : 'yuv',
  allowOddSize: lossless,
  referenceMode: compat === 'reference',
})
/** Only frames that will be shown are worth looking at; some files tell their length at their end. */
const framesToScan = (length: Length, speech: SpeechFeatures, maxFrames: number): number =>
  Math.min(scanWish(length, speech.frames), maxFrames + 1)

function scanWish(length: Length, spoken: number): number {
  if (length === 'video' || length === 'longest') return Infinity
  return length === 'remap' ? MAX_SPEED * spoken + 1 : spoken
}

function outputFrames(length: Length, speech: SpeechFeatures, avatar: Avatar): number {
  switch (length) {
    case 'audio':
    case 'loop':
    case 'remap':
      return speech.frames
    case 'video':
      return avatar.count
    case 'shortest':
      return Math.min(speech.frames, avatar.count)
    case 'longest':
      return Math.max(speech.frames, avatar.count)
  }
}

const MIN_SPEED = 0.5
const MAX_SPEED = 2

/** @throws InputError INVALID_JOB where people would move like puppets, or like flies */
function assertSpeed(speed: number): void {
  if (speed >= MIN_SPEED && speed <= MAX_SPEED) return
  const found = speed > MAX_SPEED ? `more than ${MAX_SPEED}` : speed.toFixed(2)
  const message = `length: "remap" would play the video at ${found} times its speed; ${MIN_SPEED} to ${MAX_SPEED} are possible`
  throw new InputError('INVALID_JOB', message)
}

const OUTRO_S = 0.2 // how the mouth returns to the source after the last word

/** How much of the generated mouth an output frame shows: all of it unless the job says otherwise. */
function visibilityFn(
  options: RenderTask['options'],
  speech: SpeechFeatures,
  total: number,
  rate: Rate,
) {
  const weights =
    options.silence === 'source' ? speechWeights(speech.loudness, total, rate) : undefined
  const outro = OUTRO_S * fps(rate)
  return (index: number): number => {
    const left = speech.frames - index
    const ending = total > speech.frames ? Math.min(1, Math.max(0, left / outro)) : 1
    return ending * (weights?.[index] ?? 1)
  }
}
