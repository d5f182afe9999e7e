import { join } from 'node:path'
import { tensorBytes, type Tensor } from '../../../models/inference/tensor.ts'
import { InputError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import { createRmsMeter, type Loudness } from './silence-detection.ts'
import type { FrameSpan } from '../frames/frame-schedule.ts'
import { fps, type Rate } from '../media/media-info.ts'
import { RecordFile } from '../avatar/record-file.ts'
import { librosaFilter, playerDownmixFilter, type AudioInput } from './resample-filter.ts'
import { audioChunks } from './decode-audio.ts'
import {
  referenceWindows,
  SAMPLE_RATE,
  FEATURES_PER_S,
  WINDOW,
  audioWindows,
  type WindowLayout,
} from './feature-windows.ts'

/** The recording as the generator needs it. */
export interface SpeechFeatures extends AsyncDisposable {
  /** 16 kHz samples. */
  samples: number
  /** Output frames it fills. */
  frames: number
  loudness: Loudness
  /**
   * What output frames, or moments between them, hear: f32 [frames, 10·layers, dim], states in time order, zeros outside.
   * @param data filled, where the caller has the memory
   */
  prompts(frames: readonly number[], data?: Float32Array): Promise<Tensor>
}

/**
 * Listen to a recording of any length: 30 s pieces go through the `listen` graph, neighbors share
 * the context that the bundle asks for, and the states go to disk.
 *
 * @param rate of the output frames
 * @param wanted the only ones that are asked for: what others hear is measured, not listened to
 * @throws InputError MEDIA_UNREADABLE, MEDIA_TOO_LONG; ModelError
 */
export async function extractSpeechFeatures(
  sound: AudioInput,
  rate: Rate,
  rule: 'recommended' | 'reference',
  ctx: RenderContext,
  wanted?: FrameSpan,
): Promise<SpeechFeatures> {
  const { layers, dim, overlapS } = ctx.models.manifest.listen
  const framesPerS = rule === 'reference' ? Math.trunc(fps(rate)) : fps(rate)
  const states = await RecordFile.create(join(ctx.dir, 'speech.states'), layers * dim * 4)
  try {
    const meter = createRmsMeter()
    let samples = 0
    for await (const piece of audioChunks(
      resampled(sound, rule, ctx),
      rule === 'reference' ? 0 : overlapS,
      ctx,
    )) {
      const [from, to] = piece.validSamples.map((n) =>
        Math.floor((n * FEATURES_PER_S) / SAMPLE_RATE),
      ) as [number, number]
      meter.add(piece.pcm.subarray(...piece.newSamples))
      samples += piece.newSamples[1] - piece.newSamples[0]
      ctx.signal.throwIfAborted()
      if (wanted && !isHeard(wanted, states.count, states.count + to - from, framesPerS)) {
        await states.skip(to - from)
        continue
      }
      const pcm = { type: 'float32', dims: [piece.pcm.length], data: piece.pcm } as const
      const windows = await ctx.models.run('listen', { pcm })
      const bytes = tensorBytes(windows.states!)
      await states.append(bytes.subarray(from * states.bytes, to * states.bytes))
    }
    const windows = windowsFor(samples, rate, rule)
    return {
      samples,
      frames: windows.frames,
      loudness: meter.finish(),
      prompts: (frames, data = new Float32Array(frames.length * WINDOW * layers * dim)) =>
        readPrompts(frames, data, states, windows, layers, dim),
      [Symbol.asyncDispose]: () => states[Symbol.asyncDispose](),
    }
  } catch (error) {
    await states[Symbol.asyncDispose]()
    throw error
  }
}

/** More than a frame hears beyond its own time. */
const HEARD_S = 1

/** Whether frames may hear any of the states [first, end). */
function isHeard({ from, to }: FrameSpan, first: number, end: number, framesPerS: number): boolean {
  const fromS = from / framesPerS - HEARD_S
  const toS = to / framesPerS + HEARD_S
  return to > from && end / FEATURES_PER_S > fromS && first / FEATURES_PER_S < toS
}

/**
 * How many output frames a recording fills; it is decoded, and nobody listens.
 *
 * @throws InputError MEDIA_UNREADABLE, MEDIA_TOO_LONG
 */
export async function countSpeechFrames(
  sound: AudioInput,
  rate: Rate,
  rule: 'recommended' | 'reference',
  ctx: Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal'>,
): Promise<number> {
  let samples = 0
  for await (const { newSamples } of audioChunks(resampled(sound, rule, ctx), 0, ctx)) {
    samples += newSamples[1] - newSamples[0]
  }
  return windowsFor(samples, rate, rule).frames
}

const resampled = (
  sound: AudioInput,
  rule: 'recommended' | 'reference',
  { ffmpeg }: Pick<RenderContext, 'ffmpeg'>,
) => (rule === 'reference' ? librosaFilter(sound, ffmpeg) : playerDownmixFilter(sound, ffmpeg))

function windowsFor(samples: number, rate: Rate, rule: 'recommended' | 'reference'): WindowLayout {
  if (rule === 'recommended') return audioWindows(samples, rate)
  try {
    return referenceWindows(samples, rate)
  } catch (cause) {
    throw new InputError('INVALID_JOB', `compat "reference": ${(cause as Error).message}`, {
      cause,
    })
  }
}

async function readPrompts(
  frames: readonly number[],
  data: Float32Array,
  states: RecordFile,
  windows: WindowLayout,
  layers: number,
  dim: number,
): Promise<Tensor> {
  const size = WINDOW * layers * dim
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  data.fill(0, 0, frames.length * size)
  const heard = frames.map((frame, i) => {
    const start = windows.start(frame)
    const span = { from: Math.max(0, start), to: Math.min(start + WINDOW, windows.states) }
    return { ...span, at: i * size * 4 + (span.from - start) * states.bytes }
  })
  for (const group of overlapping(heard.filter(({ from, to }) => to > from))) {
    const first = group[0]!.from
    const read = await states.read(first, group.at(-1)!.to - first)
    for (const { from, to, at } of group) {
      bytes.set(read.subarray((from - first) * states.bytes, (to - first) * states.bytes), at)
    }
  }
  return { type: 'float32', dims: [frames.length, WINDOW * layers, dim], data }
}

/** Spans in groups in which each begins within the one before: what one read brings. */
function overlapping<T extends FrameSpan>(spans: readonly T[]): T[][] {
  const groups: T[][] = []
  for (const span of spans) {
    const last = groups.at(-1)?.at(-1)
    if (last && span.from >= last.from && span.from <= last.to) groups.at(-1)!.push(span)
    else groups.push([span])
  }
  return groups
}
