import type { Box } from '../../../models/pixels/image.ts'
import { InputError } from '../../errors.ts'
import type { Job } from '../../parse-job.ts'
import { ahead } from '../../system/prefetch.ts'
import { cropBoxOf, referenceBoxOf } from './face-box.ts'
import { canvasOf } from '../frames/frame-format.ts'
import type { RenderContext } from '../context.ts'
import { decode, fingerprint, type Source } from '../media/decode-video.ts'
import { faceEncoder } from './face-encoder.ts'
import { hz } from '../media/media-info.ts'
import type { Records } from './record-file.ts'
import { settle, settleSingly } from './smooth-track.ts'
import { faceTracker, type Seen } from './face-tracker.ts'

const HELD_BYTES = 192 << 20 // frames that wait for their neighbours

/** Where a generated face goes. */
export interface Placed {
  box: Box
  /** 0..1: how much of it shows. */
  fade: number
  /** Its record. */
  slot: number
}

/** What a scan learned, beside the records. */
export interface Scanned {
  /** One per source frame; null without a face. */
  placed: (Placed | null)[]
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
  source: Source,
  limit: number,
  { face: choice, compat, mask }: ScanOptions,
  records: Records,
  ctx: RenderContext,
): Promise<Scanned> {
  const { models } = ctx
  const { facts } = source
  const scanned: Scanned = { placed: [], fingerprints: [] }
  const held = Math.floor(HELD_BYTES / canvasOf(facts).bytes)
  const looked = answered(ahead(1, look(source, limit, { face: choice, compat }, ctx)))
  const given = typeof choice === 'object' && 'boxes' in choice ? choice.boxes : undefined
  const singly = compat === 'reference' || given
  const boxOf = compat === 'reference' ? referenceBoxOf : cropBoxOf
  const settled = singly ? settleSingly(looked) : settle(looked, facts.rate, held)
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
    const length = `${frames} frames (${(frames / hz(facts.rate)).toFixed(1)} s)`
    throw new InputError('NO_FACE', `no face was found in ${length} of the video`)
  }
  return scanned
}

async function* look(
  source: Source,
  limit: number,
  options: Pick<Job, 'face' | 'compat'>,
  ctx: RenderContext,
): AsyncGenerator<{ frame: Uint8Array; seen: Promise<Seen | undefined> }> {
  const tracker = faceTracker(ctx.models, source.facts, options)
  let index = 0
  for await (const frame of decode(source, { first: 0, count: limit }, ctx)) {
    yield { frame, seen: tracker.look(frame, index++) }
  }
}

async function* answered(
  looks: AsyncIterable<{ frame: Uint8Array; seen: Promise<Seen | undefined> }>,
): AsyncGenerator<{ frame: Uint8Array; seen: Seen | undefined }> {
  for await (const { frame, seen } of looks) yield { frame, seen: await seen }
}
