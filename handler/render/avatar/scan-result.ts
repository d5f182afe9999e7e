import { InputError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import type { VideoInput } from '../media/decode-video.ts'
import { fps, type Rate } from '../media/media-info.ts'
import type { SourceSpan } from '../split/split-step.ts'
import type { RecordFile } from './record-file.ts'
import { mouthWatch } from './hide-covered.ts'
import { scanFrames, type ScannedFrame } from './scan-source.ts'
import type { ScanOptions, ScanResult } from './avatar-cache.ts'

/** A scan that is to be made. */
export interface Scan {
  source: VideoInput
  /** Source frames that are looked at, at most. */
  limit: number
  /** Those that a part shows, where not all are looked at. */
  span?: SourceSpan
  /** Faces that are encoded at once, where that is faster. */
  batchSize: number
  options: ScanOptions
}

/**
 * Pass on what a scan yields and note it down.
 *
 * @param into filled
 * @param records filled with one record per frame that has a face, where they are kept
 * @throws InputError NO_FACE at the end where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function* noteScan(
  { source, limit, batchSize, options, span }: Scan,
  into: ScanResult,
  records: RecordFile | undefined,
  ctx: RenderContext,
): AsyncGenerator<ScannedFrame> {
  const wanted = span ?? { from: 0, to: limit, limit }
  for await (const seen of scanFrames(source, wanted, batchSize, options, ctx)) {
    if (seen.seen) into.first ??= { frame: into.placed.length, ...seen.seen }
    into.placed.push(seen.placement ?? null)
    into.fingerprints.push(seen.fingerprint)
    if (seen.record) await records?.append(seen.record)
    yield seen
  }
  await records?.flush()
  if (span) return // another part may have one
  if (namesFaces(options.face) || into.placed.some((placement) => placement)) return
  throw noFaceError(into.placed.length, source.facts.rate)
}

/** A job may show only frames that it says have no face; then there is nothing to draw. */
export const namesFaces = (face: ScanOptions['face']): boolean =>
  typeof face === 'object' && 'boxes' in face && face.boxes.some((box) => box)

export function noFaceError(frames: number, rate: Rate): InputError {
  const length = `${frames} frames (${(frames / fps(rate)).toFixed(1)} s)`
  return new InputError('NO_FACE', `no face was found in ${length} of the video`)
}

/**
 * Look at all that is wanted of a source before the first frame of it is shown.
 *
 * @param scanned filled
 * @throws as `noteScan` does
 */
export async function scanAll(
  scan: Scan,
  records: RecordFile,
  ctx: RenderContext,
  onFrame: (done: number) => void = () => {},
  scanned: ScanResult = { placed: [], fingerprints: [] },
): Promise<ScanResult> {
  // What is usual needs the whole source.
  const mouths = scan.span ? undefined : mouthWatch(scan.source.facts, scan.options, ctx.models)
  for await (const { frame, found } of noteScan(scan, scanned, records, ctx)) {
    mouths?.add(frame, found)
    ctx.buffers.give(frame)
    onFrame(scanned.placed.length)
  }
  mouths?.hideCovered(scanned)
  return scanned
}
