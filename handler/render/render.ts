import { mkdir } from 'node:fs/promises'
import type { GraphName } from '../../models/inference/manifest.ts'
import type { Models } from '../../models/inference/models.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import type { RenderOptions, TakenFace } from './render-options.ts'
import { hasSpans, type SourceSound, type Voice } from './voice.ts'
import { BufferPool } from './buffer-pool.ts'
import { prepareAvatars } from './avatar/prepare-avatars.ts'
import type { AvatarCache } from './avatar/avatar-cache.ts'
import { createRenderTurns, inTurn } from './render-turns.ts'
import { composite } from './frames/composite.ts'
import { playModeOf } from './frames/frame-schedule.ts'
import { scriptOf } from './frames/script.ts'
import { layOver } from './avatar/recorded-avatar.ts'
import { chooseSoundtrack } from './audio/choose-soundtrack.ts'
import { hearVoices } from './audio/hear-voices.ts'
import {
  assertSpansBegin,
  assertSpeed,
  framesToScan,
  outputFrames,
  spokenFrames,
} from './result-length.ts'
import type { Log } from '../log.ts'
import type { SourceFrame } from './avatar/avatar.ts'
import type { SpeakingFace } from './avatar/prepare-avatars.ts'
import { createStageTimer, stagedItems, type RenderContext, type Stage } from './context.ts'
import { chooseEncoder } from './encode/choose-encoder.ts'
import { encode } from './encode/encode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { assertOutputSize, outputSize } from './encode/output-size.ts'
import { verifyOutput } from './encode/verify-output.ts'
import { generate } from './frames/generate-faces.ts'
import { parseFps } from './media/frame-rate.ts'
import { fps, type ReadOptions } from './media/media-info.ts'
import { partOfVideo, type Span } from './media/part-of-file.ts'
import { probe, assertDuration, type MediaLimits } from './media/probe.ts'
import { takenFace } from './face/face-choice.ts'
import { assertDetectorAvailable } from './face/face-tracker.ts'

/** One render, as it crosses to the process that does it: files and plain values. */
export interface RenderTask {
  video: string
  /** Who speaks what, at least one; no two of one face at once. */
  voices: readonly Voice[]
  /** Integrated loudness of the result, LUFS; as it comes where unset. */
  loudness?: number | undefined
  /** What becomes of the source's own sound; replaced where unset. */
  sound?: SourceSound | undefined
  /** Where the mp4 goes; its folder exists. */
  output: string
  /** A folder of this render's own, removed by whoever made it. */
  dir: string
  /** Seconds of the video that make the result. */
  trim?: Span | undefined
  options: Omit<RenderOptions, 'face'>
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

    for (const { face } of task.voices) assertDetectorAvailable(models, { ...options, face })
    const reading = readOptions(options)
    const files = { video: task.video, audio: task.voices.map(({ audio }) => audio) }
    const media = await ctx.stage('probe', () => probe(files, reading, limits, ffmpeg, signal))
    assertOutputSize(media.video, options.frame, limits.maxPixels)
    const sized = { ...media.video, ...outputSize(media.video, options.frame) }
    const other = await ctx.stage('probe', () => chooseEncoder(options, sized, ctx))
    const rate = options.fps === undefined ? media.video.rate : parseFps(options.fps)
    const facts = partOfVideo({ ...media.video, rate }, task.trim)
    const source = { file: task.video, facts }
    await using heard = await ctx.stage('speech', () =>
      hearVoices(task.voices, media.audio, rate, ruleSet, ctx),
    )
    const { voices } = heard
    const spoken = spokenFrames(voices, rate)
    const maxFrames = Math.ceil(limits.maxVideoS * fps(rate))
    const batchSize = task.batchSize ?? models.manifest.batch.at(-1)!
    const limit = framesToScan(options.length, spoken, maxFrames)
    const scan = { source, batchSize, limit, options }
    const isSpeechLong = options.length === 'audio' || options.length === 'loop'
    const known = isSpeechLong && spoken <= maxFrames ? spoken : undefined
    await using avatars = await ctx.stage('avatar', () =>
      prepareAvatars(scan, task.voices, known, ctx),
    )
    const [{ avatar }, ...more] = avatars.faces
    if (avatar.count > maxFrames)
      assertDuration('video', avatar.count / fps(rate), limits.maxVideoS)

    const total = outputFrames(options.length, spoken, avatar, facts.still && hasSpans(voices))
    if (options.length === 'remap' && !facts.still) assertSpeed(avatar.count / total)
    assertSpansBegin(voices, total, rate)
    const mode = playModeOf(options.length)
    const draw = (frames: AsyncIterable<SourceFrame>, { avatar, speakers }: SpeakingFace) => {
      const speaking = speakers.map((i) => voices[i]!)
      const script = scriptOf(speaking, options.silence, total, rate)
      const faces = generate(frames, avatar, script, batchSize, ctx)
      return composite(faces, facts, options, ctx)
    }
    const played = stagedItems('avatar', avatar.play(total, mode), ctx)
    let frames = draw(played, avatars.faces[0])
    for (const face of more) frames = draw(layOver(frames, face.avatar, mode, total), face)

    const own = media.sourceAudio && { file: task.video, sound: media.sourceAudio }
    const soundtrack = await chooseSoundtrack(task, voices, own, total, facts, ctx)
    const { crf, lossless, fragmented, frame } = options
    const encoding = { crf, lossless, encoder: other, fragmented, frame, frames: total }
    const report = (done: number) => onProgress(done, total)
    const drawn = inTurn(frames, turn, signal)
    const encoder = await encode(drawn, facts, soundtrack, task.output, encoding, report, ctx)
    const planned = { ...outputSize(facts, frame), frames: total, soundS: soundtrack.seconds }
    await ctx.stage('encode', () => verifyOutput(task.output, planned, ctx))

    const { name, version } = models.manifest
    const face = takenFace(task.voices[avatars.faces[0].speakers[0]!]!.face, avatar.first, facts)
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
const readOptions = ({ compat, lossless }: RenderTask['options']): ReadOptions => ({
  samples: compat || lossless ? 'rgb' : 'yuv',
  allowOddSize: lossless,
  referenceMode: compat === 'reference',
})
