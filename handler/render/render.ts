import { mkdir } from 'node:fs/promises'
import type { GraphName } from '../../models/inference/manifest.ts'
import type { Models } from '../../models/inference/models.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import type { Render } from './render-task.ts'
import { planRender } from './plan-render.ts'
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
import { framesToScan, resultFrames, spokenFrames } from './result-length.ts'
import type { SourceFrame } from './avatar/avatar.ts'
import type { SpeakingFace } from './avatar/prepare-avatars.ts'
import { createStageTimer, stagedItems, type RenderContext } from './context.ts'
import { encode } from './encode/encode-video.ts'
import type { Ffmpeg } from './media/ffmpeg.ts'
import { outputSize } from './encode/output-size.ts'
import { makePictures } from './encode/pictures.ts'
import { appendProvenance, provenanceTags } from './encode/provenance.ts'
import { verifyOutput } from './encode/verify-output.ts'
import { generate } from './frames/generate-faces.ts'
import { fps } from './media/media-info.ts'
import { takenFace } from './face/face-choice.ts'

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
    const plan = await planRender(task, ctx)
    const { facts, rate, ruleSet, maxFrames } = plan
    const source = { file: task.video, facts }
    await using heard = await ctx.stage('speech', () =>
      hearVoices(task.voices, plan.audio, rate, ruleSet, ctx),
    )
    const { voices } = heard
    const spoken = spokenFrames(voices, rate)
    const batchSize = task.batchSize ?? models.manifest.batch.at(-1)!
    const limit = framesToScan(options.length, spoken, maxFrames)
    const scan = { source, batchSize, limit, options }
    const isSpeechLong = options.length === 'audio' || options.length === 'loop'
    const known = isSpeechLong && spoken <= maxFrames ? spoken : undefined
    await using avatars = await ctx.stage('avatar', () =>
      prepareAvatars(scan, task.voices, known, ctx),
    )
    const [{ avatar }, ...more] = avatars.faces

    const total = resultFrames(options.length, voices, avatar.count, plan, limits)
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

    const own = plan.sourceAudio && { file: task.video, sound: plan.sourceAudio }
    const soundtrack = await chooseSoundtrack(task, voices, own, total, facts, ctx)
    const { lossless, fragmented, frame } = options
    const { name, version } = models.manifest
    const used = { name, version, id: models.id }
    const made = task.provenance && { ...task.provenance, bundle: used }
    const tags = made ? provenanceTags(made, options) : []
    const encoding = {
      rate: plan.encodeRate,
      lossless,
      encoder: plan.encoder,
      fragmented,
      frame,
      tags,
      frames: total,
    }
    const report = (done: number) => onProgress(done, total)
    const drawn = inTurn(frames, turn, signal)
    const encoder = await encode(drawn, facts, soundtrack, task.output, encoding, report, ctx)
    const planned = { ...outputSize(facts, frame), frames: total, soundS: soundtrack.seconds }
    await ctx.stage('encode', () => verifyOutput(task.output, planned, ctx))
    const { pictures = {} } = task
    const length = { frames: total, fps: fps(rate) }
    await ctx.stage('encode', () => makePictures(task.output, pictures, length, ctx))
    if (made) await ctx.stage('encode', () => appendProvenance(task.output, made, options))

    const face = takenFace(task.voices[avatars.faces[0].speakers[0]!]!.face, avatar.first, facts)
    return {
      ...outputSize(facts, frame),
      fps: fps(rate),
      frames: total,
      duration_sec: total / fps(rate),
      frames_without_face: avatar.withoutFace,
      ...(face && { face }),
      bundle: used,
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
