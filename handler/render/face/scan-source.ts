import type { Box } from '../../../models/pixels/image.ts'
import { InputError } from '../../errors.ts'
import type { Job } from '../../parse-job.ts'
import { prefetch } from '../../system/prefetch.ts'
import { cropBoxOf, referenceBoxOf } from './face-box.ts'
import { frameFormatFor } from '../frames/frame-format.ts'
import type { RenderContext } from '../context.ts'
import { decode, fingerprint, type VideoInput } from '../media/decode-video.ts'
import { faceEncoder } from './face-encoder.ts'
import { fps } from '../media/media-info.ts'
import type { RecordFile } from './record-file.ts'
import { smoothTrack, passThroughTrack } from './smooth-track.ts'
import { faceTracker, type FaceDetection } from './face-tracker.ts'

const LOOKAHEAD_BYTES = 192 << 20 // frames that wait for their neighbours

/** Where a generated face goes. */
export interface FacePlacement {
  box: Box
  /** 0..1: how much of it shows. */
  fade: number
  /** Its record. */
  slot: number
}

/** What a scan learned, beside the records. */
export interface ScanResult {
  /** One per source frame; null without a face. */
  placed: (FacePlacement | null)[]
  fingerprints: number[]
}

export type ScanOptions = Pick<Job, 'face' | 'compat' | 'mask'>

/**
 * Look at up to `limit` source frames in order: find and follow the face, cut it out, encode it.
 *
 * @param records filled with one record per frame that has a face
 * @throws InputError NO_FACE where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function scan(
  source: VideoInput,
  limit: number,
  { face: choice, compat, mask }: ScanOptions,
  records: RecordFile,
  ctx: RenderContext,
): Promise<ScanResult> {
  const { models } = ctx
  const { facts } = source
  const scanned: ScanResult = { placed: [], fingerprints: [] }
  const held = Math.floor(LOOKAHEAD_BYTES / frameFormatFor(facts).bytes)
  const looked = resolveDetections(
    prefetch(1, detectFrames(source, limit, { face: choice, compat }, ctx)),
  )
  const given = typeof choice === 'object' && 'boxes' in choice ? choice.boxes : undefined
  const singly = compat === 'reference' || given
  const boxOf = compat === 'reference' ? referenceBoxOf : cropBoxOf
  const settled = singly ? passThroughTrack(looked) : smoothTrack(looked, facts.rate, held)
  const encode = faceEncoder(models, facts, mask)
  for await (const { frame, face } of settled) {
    scanned.fingerprints.push(fingerprint(frame))
    const box = face && boxOf(face.region, models.manifest.crop, facts)
    scanned.placed.push(box ? { box, fade: face.fade, slot: records.count } : null)
    if (box) await records.append(await encode(frame, box, face.landmarks))
    ctx.signal.throwIfAborted()
  }
  // A job may show only frames that it says have no face; then there is nothing to draw.
  if (records.count === 0 && !given?.some((box) => box)) {
    const frames = scanned.placed.length
    const length = `${frames} frames (${(frames / fps(facts.rate)).toFixed(1)} s)`
    throw new InputError('NO_FACE', `no face was found in ${length} of the video`)
  }
  return scanned
}

async function* detectFrames(
  source: VideoInput,
  limit: number,
  options: Pick<Job, 'face' | 'compat'>,
  ctx: RenderContext,
): AsyncGenerator<{ frame: Uint8Array; seen: Promise<FaceDetection | undefined> }> {
  const tracker = faceTracker(ctx.models, source.facts, options)
  let index = 0
  for await (const frame of decode(source, { first: 0, count: limit }, ctx)) {
    yield { frame, seen: tracker.detect(frame, index++) }
  }
}

async function* resolveDetections(
  looks: AsyncIterable<{ frame: Uint8Array; seen: Promise<FaceDetection | undefined> }>,
): AsyncGenerator<{ frame: Uint8Array; seen: FaceDetection | undefined }> {
  for await (const { frame, seen } of looks) yield { frame, seen: await seen }
}
