import { hearVoices } from './audio/hear-voices.ts'
import type { SpeakingVoice } from './audio/soundtrack.ts'
import type { ScanOptions } from './avatar/avatar-cache.ts'
import type { Scan } from './avatar/scan-result.ts'
import type { RenderContext } from './render-context.ts'
import type { FrameSpan } from './frames/frame-schedule.ts'
import type { VideoInput } from './media/decode-video.ts'
import type { SourceAudio } from './media/probe.ts'
import { planRender, type RenderPlan } from './plan-render.ts'
import type { RenderTask } from './render-task.ts'
import { framesToScan, spokenFrames } from './result-length.ts'
import type { SplitStep } from './split/split-step.ts'

/** What is known of a render before its pictures are looked at. */
export interface PreparedRender extends AsyncDisposable {
  plan: RenderPlan
  source: VideoInput
  voices: SpeakingVoice[]
  /** The source's own sound, where it has any. */
  own: { file: string; sound: SourceAudio } | undefined
  /** Frames of the result, where they do not depend on the source's. */
  known: number | undefined
  batchSize: number
  scan: Omit<Scan, 'options'> & { options: Omit<ScanOptions, 'face'> }
}

/**
 * Plan a render, and listen to what is spoken in the frames that will be drawn.
 *
 * @throws as `planRender` and `hearVoices` do
 */
export async function prepareRender(task: RenderTask, ctx: RenderContext): Promise<PreparedRender> {
  const { options } = task
  const plan = await planRender(task, ctx)
  ctx.stageEnded('probe')
  const { facts, rate, ruleSet, maxFrames, sourceAudio } = plan
  const heard = await ctx.stage('speech', () =>
    hearVoices(task.voices, plan.audio, rate, ruleSet, ctx, heardIn(task.split)),
  )
  ctx.stageEnded('speech')
  const { voices } = heard
  const source = { file: task.video, facts }
  const spoken = spokenFrames(voices, rate)
  const batchSize = task.batchSize ?? ctx.models.manifest.batch.at(-1)!
  const isSpeechLong = options.length === 'audio' || options.length === 'loop'
  return {
    ...{ plan, source, voices, batchSize },
    own: sourceAudio && { file: task.video, sound: sourceAudio },
    known: isSpeechLong && spoken <= maxFrames ? spoken : undefined,
    scan: {
      source,
      batchSize,
      limit: framesToScan(options.length, spoken, maxFrames),
      options: { ...options, sound: plan.sourceAudio },
    },
    [Symbol.asyncDispose]: () => heard[Symbol.asyncDispose](),
  }
}

/** The frames that are drawn, where not all are. */
const heardIn = (step: SplitStep | undefined): FrameSpan | undefined =>
  step && (step.do === 'draw' ? step : { from: 0, to: 0 })
