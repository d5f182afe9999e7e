import { InputError } from '../../errors.ts'
import { inputErrorOf } from '../media/ffmpeg-errors.ts'
import type { RenderContext } from '../render-context.ts'
import { withLimits } from '../media/child-limits.ts'
import { spawnFfmpeg, untrustedInputArgs } from '../media/ffmpeg.ts'
import { assertWhole, endsWithin } from '../media/cut-off.ts'
import { OWN_TIMES } from '../media/media-clock.ts'
import { assertDuration } from '../media/probe.ts'
import type { ResampledAudio } from './resample-filter.ts'
import { mixToMono } from './stereo-downmix.ts'
import { SAMPLE_RATE } from './feature-windows.ts'

const PIECE_S = 30
const PIECE = PIECE_S * SAMPLE_RATE

/** 30 s of a recording, or its zero-padded rest. */
export interface AudioChunk {
  /** f32 [480000], mono, 16 kHz, about -1..1. */
  pcm: Float32Array
  /** Samples [from, to) that this piece answers for: its neighbors hear the rest better. */
  validSamples: readonly [number, number]
  /** Samples [from, to) that no earlier piece held. */
  newSamples: readonly [number, number]
}

/**
 * Decode a recording into pieces that share `2 * overlapS` with their neighbors, so that each moment
 * can be heard with at least `overlapS` of context on both sides.
 *
 * @throws InputError MEDIA_UNREADABLE, MEDIA_TOO_LONG; INVALID_JOB where no sample lies in the part that counts
 */
export async function* audioChunks(
  { file, stream, channels, filter, samples, statedS, isPart }: ResampledAudio,
  overlapS: number,
  { ffmpeg, limits, signal }: Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal'>,
): AsyncGenerator<AudioChunk> {
  const input = [...OWN_TIMES, ...untrustedInputArgs(file, limits.maxPixels)]
  const most = ['-t', String(limits.maxAudioS + 1)]
  const output = ['-map', `0:${stream}`, '-af', filter, '-ac', String(channels), ...most]
  const args = ['-nostdin', '-v', 'error', ...input, ...output, '-f', 'f32le', 'pipe:1']
  await using running = await spawnFfmpeg(
    ...withLimits(ffmpeg.path, args, limits.maxPixels),
    signal,
  )

  const overlap = overlapS * SAMPLE_RATE
  const shared = 2 * overlap
  const pcm = new Float32Array(PIECE)
  let [filled, newSamples, total, first] = [0, 0, 0, true]
  const piece = (last: boolean): AudioChunk => ({
    pcm: pcm.slice(),
    validSamples: [first ? 0 : overlap, last ? filled : PIECE - overlap],
    newSamples: [newSamples, filled],
  })
  const decoded = decodeFloat32(running.stdout)
  const mono = channels === 2 ? mixToMono(decoded) : decoded
  for await (const heard of padToLength(mono, samples)) {
    total += heard.length
    assertDuration('audio', total / SAMPLE_RATE, limits.maxAudioS)
    for (let at = 0; at < heard.length;) {
      if (filled === PIECE) {
        yield piece(false)
        pcm.copyWithin(0, PIECE - shared)
        ;[filled, newSamples, first] = [shared, shared, false]
      }
      const taken = heard.subarray(at, at + PIECE - filled)
      pcm.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  const finished = await running.done
  signal.throwIfAborted()
  const failed = inputErrorOf(finished, 'audio')
  if (failed) throw failed
  if (total === 0) {
    throw isPart
      ? new InputError('INVALID_JOB', 'speech: begins after the end of the recording')
      : new InputError('MEDIA_UNREADABLE', 'the audio input holds no samples')
  }
  assertWhole('audio', statedS, total / SAMPLE_RATE)
  if (endsWithin(finished.stderr)) {
    throw new InputError('MEDIA_UNREADABLE', 'the audio input is cut off')
  }
  pcm.fill(0, filled)
  yield piece(true)
}

/** ffmpeg rounds the length of what it resamples; where it should be rounded up a zero is missing. */
async function* padToLength(
  stream: AsyncIterable<Float32Array>,
  wanted: number | undefined,
): AsyncGenerator<Float32Array> {
  let total = 0
  for await (const samples of stream) {
    total += samples.length
    yield samples
  }
  if (total > 0 && total + 1 === wanted) yield new Float32Array(1)
}

/** Beyond this nobody records speech, and the models make nonsense of it. */
const LOUDEST = 8

/**
 * Little-endian floats from a pipe that may cut them anywhere; what is not a number becomes 0, what is
 * too loud is clipped.
 */
async function* decodeFloat32(stream: AsyncIterable<Buffer>): AsyncGenerator<Float32Array> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk
    const whole = bytes.length & ~3
    const samples = new Float32Array(whole / 4)
    new Uint8Array(samples.buffer).set(bytes.subarray(0, whole))
    for (let i = 0; i < samples.length; i++) {
      const value = samples[i]!
      if (!(Math.abs(value) <= LOUDEST)) samples[i] = clipped(value)
    }
    rest = bytes.subarray(whole)
    yield samples
  }
}

const clipped = (value: number): number => (Number.isFinite(value) ? Math.sign(value) * LOUDEST : 0)
