import type { RenderContext } from './render-context.ts'
import { chooseEncoder } from './encode/choose-encoder.ts'
import { resolveRate, type EncodeRate } from './encode/encode-rate.ts'
import type { EncoderArgs } from './encode/encoder-args.ts'
import { assertPreviewFormat } from './encode/pictures.ts'
import { assertOutputSize, outputSize } from './encode/output-size.ts'
import { assertDetectorAvailable } from './face/face-tracker.ts'
import { parseFps } from './media/frame-rate.ts'
import {
  fps,
  type AudioInfo,
  type Rate,
  type ReadOptions,
  type VideoInfo,
} from './media/media-info.ts'
import { trimVideo } from './media/trim-media.ts'
import { probe, type SourceAudio } from './media/probe.ts'
import type { RenderTask } from './render-task.ts'

/** What is known of a render before anything of it is heard, seen or drawn. */
export interface RenderPlan {
  /** The part of the source that is shown, at the rate of the result. */
  facts: VideoInfo
  /** Of the result. */
  rate: Rate
  /** Of each voice's recording. */
  audio: readonly AudioInfo[]
  sourceAudio: SourceAudio | undefined
  /** What is taken instead of H.264 in mp4. */
  encoder: EncoderArgs | undefined
  encodeRate: EncodeRate
  /** More frames no source may have. */
  maxFrames: number
  ruleSet: 'recommended' | 'reference'
}

/**
 * Read the facts of a task's files and refuse what cannot be rendered of them.
 *
 * @throws as `probe`, `chooseEncoder` and `trimVideo` do; InputError INVALID_JOB, MEDIA_TOO_LARGE
 */
export async function planRender(task: RenderTask, ctx: RenderContext): Promise<RenderPlan> {
  const { options } = task
  const { models, limits, ffmpeg, signal } = ctx
  for (const { face } of task.voices) assertDetectorAvailable(models, { ...options, face })
  const files = { video: task.video, audio: task.voices.map(({ audio }) => audio) }
  const reading = readOptions(options)
  const media = await ctx.stage('probe', () => probe(files, reading, limits, ffmpeg, signal))
  assertOutputSize(media.video, options.frame, limits.maxPixels)
  const sized = { ...media.video, ...outputSize(media.video, options.frame) }
  const input = { file: task.video, facts: media.video }
  const encodeRate = await ctx.stage('probe', () => resolveRate(options, input, ctx))
  const encoder = await ctx.stage('probe', () => chooseEncoder(options, encodeRate, sized, ctx))
  await ctx.stage('probe', () => assertPreviewFormat(task.pictures ?? {}, ctx))
  const rate = options.fps === undefined ? media.video.rate : parseFps(options.fps)
  return {
    facts: trimVideo({ ...media.video, rate }, task.trim),
    ...{ rate, encoder, encodeRate, audio: media.audio, sourceAudio: media.sourceAudio },
    maxFrames: Math.ceil(limits.maxVideoS * fps(rate)),
    ruleSet: options.compat ?? 'recommended',
  }
}

/** MuseTalk works in RGB; what shall be lossless must not pass 4:2:0 either. */
const readOptions = ({ compat, lossless, format }: RenderTask['options']): ReadOptions => ({
  samples: compat || lossless ? 'rgb' : 'yuv',
  keepAlpha: format === 'mov',
  allowOddSize: lossless,
  referenceMode: compat === 'reference',
})
