import type { RenderOptions } from '../render-options.ts'
import type { FacePlacement, ScanOptions, SeenFace } from './avatar-cache.ts'
import { inGroups, mapConcurrent } from '../../system/concurrent-map.ts'
import { prefetch } from '../../system/prefetch.ts'
import { cropBoxOf, referenceBoxOf, type FaceDetection } from '../face/face-box.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { RenderContext } from '../render-context.ts'
import { decode, decodeFromStart, fingerprint, type VideoInput } from '../media/decode-video.ts'
import { encodeBatchSize, faceEncoder } from '../face/face-encoder.ts'
import { seeksExactly } from '../media/media-clock.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import { lookedAt, type SourceSpan } from '../split/split-step.ts'
import { smoothTrack, passThroughTrack, type SmoothedFace } from '../face/smooth-track.ts'
import { faceTracker } from '../face/face-tracker.ts'
import type { Tracked } from '../face/tracked-face.ts'
import { wantedPerson } from '../face/person/speaking-person.ts'
import type { WantedPerson } from '../face/person/wanted-person.ts'
import { markCuts } from '../face/scene-cut.ts'

const LOOKAHEAD_BYTES = 192 << 20 // frames that wait for their neighbors
const BATCHES = 2 // that are encoded at once: one on the card, one whose pixels are prepared

/** A source frame and what was learned of it. */
export interface ScannedFrame {
  /** Belongs to whoever gets it. */
  frame: Uint8Array
  fingerprint: number
  /** Absent without a face. */
  placement: FacePlacement | undefined
  record: Uint8Array | undefined
  /** Where the face was seen, and how surely; absent where it was not. */
  seen: SeenFace | undefined
  /** The same as the tracker had it. */
  found: FaceDetection | undefined
}

/**
 * Look at source frames in order: find and follow the face, cut it out, encode it in batches. What lies
 * around the wanted ones is looked at too, so that these come out as if all had been.
 *
 * @throws InputError MEDIA_UNREADABLE; ModelError
 */
export async function* scanFrames(
  source: VideoInput,
  span: SourceSpan,
  batchSize: number,
  { face: choice, compat, mask, sound }: ScanOptions,
  ctx: RenderContext,
): AsyncGenerator<ScannedFrame> {
  const { facts } = source
  const wanted = await wantedPerson(source, choice, sound, ctx)
  const { models } = ctx
  const held = Math.floor(LOOKAHEAD_BYTES / frameFormatFor(facts).bytes)
  const lag = models.graphs.encode?.device === 'cuda' ? batchSize : 2
  const detected = resolveDetections(
    prefetch(lag - 1, detectFrames(source, span, lag, { face: choice, compat }, wanted, ctx)),
  )
  const { first } = lookedAt(span, fps(facts.rate))
  const tracked = isSmoothed({ face: choice, compat })
    ? smoothTrack(detected, facts.rate, held, first)
    : passThroughTrack(detected)
  const placed = placeFaces(wantedOnly(tracked, span, facts, ctx), facts, compat, ctx)
  const size = encodeBatchSize(models, batchSize)
  const encode = faceEncoder(facts, mask, size, ctx)
  const encoded = mapConcurrent(BATCHES, inGroups(size, placed), async (frames) => {
    const records = (await encode(frames.flatMap(({ face }) => face ?? []))).values()
    return frames.map((one) => ({ ...one, record: one.face && records.next().value }))
  })
  const surely = wanted?.sureness === undefined ? {} : { sureness: wanted.sureness }
  let slot = 0
  for await (const frames of encoded) {
    for (const { frame, face, record, seen, found } of frames) {
      const placement = face && { box: face.box, fade: face.fade, slot: slot++ }
      yield {
        frame,
        fingerprint: fingerprint(frame),
        placement,
        record,
        seen: seen && { ...seen, ...surely },
        found,
      }
      ctx.signal.throwIfAborted()
    }
  }
}

/** Whether what is seen in a frame depends on its neighbors. */
export const isSmoothed = ({ face, compat }: Pick<ScanOptions, 'face' | 'compat'>): boolean =>
  compat !== 'reference' && !(typeof face === 'object' && 'boxes' in face)

async function* detectFrames(
  source: VideoInput,
  span: SourceSpan,
  lag: number,
  options: Pick<RenderOptions, 'face' | 'compat'>,
  wanted: WantedPerson | undefined,
  ctx: RenderContext,
): AsyncGenerator<{ frame: Uint8Array; tracked: Promise<Tracked> }> {
  const tracker = faceTracker(ctx, source.facts, options, lag, wanted)
  const range = lookedAt(span, fps(source.facts.rate))
  const frames = (seeksExactly(source.facts) ? decode : decodeFromStart)(source, range, ctx)
  let index = range.first
  for await (const viewed of markCuts(frames, source.facts)) {
    span.onSeen?.(index, fingerprint(viewed.frame))
    yield { frame: viewed.frame, tracked: tracker.detect(viewed, index++) }
  }
}

async function* resolveDetections(
  looks: AsyncIterable<{ frame: Uint8Array; tracked: Promise<Tracked> }>,
): AsyncGenerator<{ frame: Uint8Array } & Tracked> {
  for await (const { frame, tracked } of looks) yield { frame, ...(await tracked) }
}

/** Without the frames around them, which have told by now what they know. */
async function* wantedOnly<T extends { frame: Uint8Array }>(
  frames: AsyncIterable<T>,
  span: SourceSpan,
  { rate }: VideoInfo,
  { buffers }: RenderContext,
): AsyncGenerator<T> {
  let index = lookedAt(span, fps(rate)).first
  for await (const each of frames) {
    if (index >= span.to) return buffers.give(each.frame)
    if (index++ >= span.from) yield each
    else buffers.give(each.frame)
  }
}

async function* placeFaces(
  frames: AsyncIterable<
    Pick<Tracked, 'seen'> & { frame: Uint8Array; face: SmoothedFace | undefined }
  >,
  facts: VideoInfo,
  compat: RenderOptions['compat'],
  { models }: RenderContext,
) {
  const boxOf = compat === 'reference' ? referenceBoxOf : cropBoxOf
  for await (const { frame, face, seen: found } of frames) {
    const box = face && boxOf(face.region, models.manifest.crop, facts)
    if (!face || !box) {
      yield { frame, face: undefined, seen: undefined, found }
      continue
    }
    const { region, fade, landmarks } = face
    const seen = found && { region, score: found.score ?? 0 }
    yield { frame, face: { frame, box, fade, landmarks }, seen, found }
  }
}
