import { openPixels } from '../../models/pixels/threads/pixels.ts'
import type { Models } from '../../models/inference/models.ts'
import { countSpeechFrames } from './audio/speech-features.ts'
import { noFaceError } from './avatar/scan-result.ts'
import { BufferPool } from './buffer-pool.ts'
import { createStageTimer, type RenderContext } from './render-context.ts'
import { outputSize } from './encode/output-size.ts'
import { choiceInFrames } from './face/face-choice.ts'
import { lookAtFirstSecond } from './face/person/look-at-first-second.ts'
import { findWantedPerson } from './face/person/wanted-person.ts'
import { countFrames, type VideoInput } from './media/decode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { fps } from './media/media-info.ts'
import { trimSound } from './media/trim-media.ts'
import { planRender, type RenderPlan } from './plan-render.ts'
import type { RenderCall, RenderTask } from './render-task.ts'
import type { FoundFace } from './render-options.ts'
import { framesToScan, resultFrames, spokenFrames } from './result-length.ts'

/** What a render would make, as far as can be told without it. */
export interface RenderEstimate {
  width: number
  height: number
  fps: number
  frames: number
  duration_sec: number
  /** In the first second of the source; the largest first. */
  faces: FoundFace[]
  bundle: { name: string; version: string; id: string }
}

/** Rejects with what the render would reject with, where that shows by then. */
export type EstimateRender = (
  task: RenderTask,
  call: Pick<RenderCall, 'signal' | 'log'>,
) => Promise<RenderEstimate>

const FIRST = -1 // among the graph runs of renders: it has few, and somebody waits for them

/** The estimates of this process, made beside its renders: they hold nothing but what they look at. */
export function createEstimator(bundle: Models, ffmpeg: Ffmpeg): EstimateRender {
  const buffers = new BufferPool()
  const pixels = openPixels(0)
  const run: Models['run'] = (graph, feeds) => bundle.run(graph, feeds, FIRST)
  const models = { ...bundle, run }
  return async (task, { signal, log }) => {
    const { options, limits, dir } = task
    const { stage, stageEnded } = createStageTimer(signal)
    const tools = { models, pixels, ffmpeg, buffers, limits }
    const ctx: RenderContext = { ...tools, dir, signal, log, stage, stageEnded }
    const plan = await planRender(task, ctx)
    const { facts, rate } = plan
    const source = { file: task.video, facts }
    const voices = await stage('speech', () => measureVoices(task, plan, ctx))
    const limit = framesToScan(options.length, spokenFrames(voices, rate), plan.maxFrames)
    const faces = await stage('avatar', () => lookForFaces(source, task, ctx))
    const count = await stage('avatar', () => sourceFrames(source, limit, ctx))
    const frames = resultFrames(options.length, voices, count, plan, limits)
    const { name, version } = models.manifest
    return {
      ...outputSize(facts, options.frame),
      ...{ fps: fps(rate), frames, duration_sec: frames / fps(rate), faces },
      bundle: { name, version, id: models.id },
    }
  }
}

async function measureVoices(
  { voices }: RenderTask,
  { audio, rate, ruleSet }: RenderPlan,
  ctx: RenderContext,
) {
  const measured = []
  for (const [i, { audio: file, speech: trim, span }] of voices.entries()) {
    const sound = { file, facts: trimSound(audio[i]!, trim) }
    measured.push({ span, speech: { frames: await countSpeechFrames(sound, rate, ruleSet, ctx) } })
  }
  return measured
}

/** @throws InputError NO_FACE where more frames would not help, INVALID_JOB where nobody is at a point */
async function lookForFaces(source: VideoInput, { voices }: RenderTask, ctx: RenderContext) {
  const { facts } = source
  if (!ctx.models.manifest.graphs.face) return [] // the job names every box
  for (const { face } of voices) {
    const choice = choiceInFrames(face, facts)
    if (typeof choice === 'object' && 'at' in choice) {
      await findWantedPerson(source, choice.at, choice.frame ?? 0, ctx)
    }
  }
  const faces = await lookAtFirstSecond(source, ctx)
  const named = voices.some(({ face }) => typeof face === 'object' && 'boxes' in face)
  if (faces.length === 0 && facts.still && !named) throw noFaceError(1, facts.rate)
  return faces
}

/** Frames of a source, at most `limit`: by its own word, or by going through it where it says nothing. */
async function sourceFrames(
  source: VideoInput,
  limit: number,
  ctx: RenderContext,
): Promise<number> {
  const { still, durationS, rate, trim } = source.facts
  if (still) return 1
  const most = Math.min(limit, trim?.count ?? Infinity)
  if (durationS !== undefined) return Math.max(1, Math.min(most, Math.round(durationS * fps(rate))))
  return countFrames(source, most, ctx)
}
