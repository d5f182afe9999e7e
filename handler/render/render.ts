import { mkdir } from 'node:fs/promises'
import type { GraphName } from '../../models/inference/manifest.ts'
import type { Models } from '../../models/inference/models.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import { BufferPool } from './buffer-pool.ts'
import { prepareAvatars } from './avatar/prepare-avatars.ts'
import type { AvatarCache } from './avatar/avatar-cache.ts'
import { createRenderTurns, inTurn, type Turn } from './render-turns.ts'
import { composite } from './frames/composite.ts'
import { playModeOf } from './frames/frame-schedule.ts'
import { softenCuts } from './frames/soften-cuts.ts'
import { scriptOf } from './frames/script.ts'
import { layOver } from './avatar/recorded-avatar.ts'
import { chooseSoundtrack } from './audio/choose-soundtrack.ts'
import { resultFrames } from './result-length.ts'
import type { SourceFrame } from './avatar/avatar.ts'
import type { SpeakingFace } from './avatar/prepare-avatars.ts'
import { createStageTimer, stagedItems, type RenderContext } from './render-context.ts'
import { encode } from './encode/encode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { outputSize } from './encode/output-size.ts'
import { makePictures } from './encode/pictures.ts'
import { appendProvenance, provenanceTags } from './encode/provenance.ts'
import { verifyOutput } from './encode/verify-output.ts'
import { generate } from './frames/generate-faces.ts'
import { fps } from './media/media-info.ts'
import { takenFace } from './face/face-choice.ts'
import type { RenderPlan } from './plan-render.ts'
import { prepareRender, type PreparedRender } from './prepare-render.ts'
import type { Render, RenderCall, RenderReport, RenderTask } from './render-task.ts'
import { joinParts } from './split/join-parts.ts'
import { measureResult } from './split/measure-result.ts'
import { partFindings } from './split/part-findings.ts'
import type { DrawStep, JoinStep } from './split/split-step.ts'

/** What one render of a job may tell otherwise than another. */
type Made = Pick<RenderReport, 'frames' | 'frames_without_face' | 'face' | 'encoder' | 'split'>

/**
 * The render of this process: probe → speech → avatar → generate → composite → encode, or one step of a
 * result that is drawn in parts. Several may run at once: what came later makes ready meanwhile, and
 * draws when the earlier ones have.
 */
export function createRenderer(
  bundle: Models,
  ffmpeg: Ffmpeg,
  cache?: AvatarCache,
  pixels = openPixels(),
): Render {
  const buffers = new BufferPool()
  const turns = createRenderTurns()
  return async (task, call) => {
    const { signal, onScanned = () => {}, log } = call
    const { limits, dir } = task
    using turn = turns.next()
    const models = ranked(bundle, turn.rank)
    using clock = createStageTimer(signal, call.onStage)
    const { stage, stageEnded } = clock
    const tools = { models, pixels, ffmpeg, buffers, limits, ...(cache && { cache }) }
    const ctx: RenderContext = { ...tools, dir, signal, log, onScanned, stage, stageEnded }
    return { ...(await renderTask(task, turn, call, ctx)), stage_times: clock.seconds() }
  }
}

async function renderTask(
  task: RenderTask,
  turn: Turn,
  call: RenderCall,
  ctx: RenderContext,
): Promise<Omit<RenderReport, 'stage_times'>> {
  await mkdir(ctx.dir, { recursive: true })
  await using prepared = await prepareRender(task, ctx)
  const made = await renderStep(task, prepared, turn, call, ctx)
  const { facts, rate } = prepared.plan
  const { manifest, id } = ctx.models
  return {
    ...outputSize(facts, task.options.frame),
    fps: fps(rate),
    duration_sec: made.frames / fps(rate),
    bundle: { name: manifest.name, version: manifest.version, id },
    peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    ...made,
  }
}

async function renderStep(
  task: RenderTask,
  prepared: PreparedRender,
  turn: Turn,
  { onProgress }: RenderCall,
  ctx: RenderContext,
): Promise<Made> {
  const { split } = task
  switch (split?.do) {
    case 'measure': {
      const { total: frames, ...found } = await measureResult(task, prepared, ctx)
      return { frames, frames_without_face: 0, encoder: '', split: found }
    }
    case 'draw':
      return draw(task, split, prepared, turn, onProgress, ctx)
    case 'join':
      return join(task, split, prepared, ctx)
    case undefined:
      return draw(task, undefined, prepared, turn, onProgress, ctx)
  }
}

/** All of the result, or a part of it without its sound. */
async function draw(
  task: RenderTask,
  part: DrawStep | undefined,
  { plan, voices, own, known, batchSize, scan }: PreparedRender,
  turn: Turn,
  onProgress: RenderCall['onProgress'],
  ctx: RenderContext,
): Promise<Made> {
  const { options } = task
  const { facts, rate } = plan
  const mode = playModeOf(options.length)
  await using avatars = await ctx.stage('avatar', () =>
    prepareAvatars(scan, task.voices, known, ctx, part && { step: part, mode }),
  )
  const [{ avatar }, ...more] = avatars.faces

  const total = part?.total ?? resultFrames(options.length, voices, avatar.count, plan, ctx.limits)
  const span = part ?? { from: 0, to: total, total }
  const frames = span.to - span.from
  const drawFace = (on: AsyncIterable<SourceFrame>, { avatar, speakers }: SpeakingFace) => {
    const speaking = speakers.map((i) => voices[i]!)
    const script = scriptOf(speaking, options.silence, total, rate)
    const faces = generate(on, avatar, script, batchSize, ctx, span.from)
    return composite(faces, facts, options, ctx)
  }
  const played = stagedItems('avatar', avatar.play(span, mode), ctx)
  let drawn = drawFace(played, avatars.faces[0])
  for (const face of more) drawn = drawFace(layOver(drawn, face.avatar, mode, span), face)
  if (options.softCut) drawn = softenCuts(drawn, span.from, () => avatar.count, fps(rate), ctx)

  const sound = part ? undefined : await chooseSoundtrack(task, voices, own, total, facts, ctx)
  const tags = part ? [] : tagsOf(task, ctx)
  const { encoder: other, encodeRate } = plan
  const encoding = { ...options, encoder: other, rate: encodeRate, tags, frames }
  const report = (done: number) => onProgress(done, frames)
  const inOrder = inTurn(drawn, turn, ctx.signal)
  const encoder = await encode(inOrder, facts, sound, task.output, encoding, report, ctx)
  await finish(task, frames, sound?.seconds, plan, ctx)

  const face = takenFace(task.voices[avatars.faces[0].speakers[0]!]!.face, avatar.first, facts)
  return {
    ...{ frames, encoder, frames_without_face: avatar.withoutFace },
    ...(face && { face }),
    ...(part && { split: { part: partFindings(avatars.faces, part, mode) } }),
  }
}

/** The result from its parts, with its sound. */
async function join(
  task: RenderTask,
  { total: frames, parts }: JoinStep,
  { plan, voices, own }: PreparedRender,
  ctx: RenderContext,
): Promise<Made> {
  const { options } = task
  const { facts, encoder: other, encodeRate } = plan
  const sound = await chooseSoundtrack(task, voices, own, frames, facts, ctx)
  const encoding = { ...options, encoder: other, rate: encodeRate, tags: tagsOf(task, ctx), frames }
  const encoder = await joinParts(parts, facts, sound, task.output, encoding, ctx)
  await finish(task, frames, sound.seconds, plan, ctx)
  return { frames, encoder, frames_without_face: 0 }
}

/** Look whether a file is what it should be, and add to it what belongs to a whole one. */
async function finish(
  task: RenderTask,
  frames: number,
  soundS: number | undefined,
  { facts, rate }: RenderPlan,
  ctx: RenderContext,
): Promise<void> {
  const { output, options, pictures = {} } = task
  const planned = { ...outputSize(facts, options.frame), frames, soundS }
  await ctx.stage('encode', () => verifyOutput(output, planned, ctx))
  if (task.split?.do === 'draw') return
  const alpha = facts.pixelFormat === 'yuva420p'
  const length = { frames, fps: fps(rate), alpha }
  await ctx.stage('encode', () => makePictures(output, pictures, length, ctx))
  const made = madeBy(task, ctx)
  if (made) await ctx.stage('encode', () => appendProvenance(output, made, options))
}

function tagsOf(task: RenderTask, ctx: RenderContext): string[] {
  const made = madeBy(task, ctx)
  return made ? provenanceTags(made, task.options) : []
}

function madeBy({ provenance }: RenderTask, { models }: RenderContext) {
  const { name, version } = models.manifest
  return provenance && { ...provenance, bundle: { name, version, id: models.id } }
}

/** Earlier renders go first; and in each what finds the face, for one frame of it waits for another. */
const ranked = (models: Models, rank: number): Models => ({
  ...models,
  run: (graph, feeds) => models.run(graph, feeds, 2 * rank + (DETECTION.has(graph) ? 0 : 1)),
})

const DETECTION = new Set<GraphName>(['face', 'face_reference', 'track', 'listen'])
