import { join } from 'node:path'
import type { Tensors } from '../../../models/inference/tensor.ts'
import { avatarKey } from './avatar-key.ts'
import type { RenderContext } from '../context.ts'
import type { VideoInput } from '../media/decode-video.ts'
import { RecordFile } from './record-file.ts'
import { scan, type FacePlacement, type ScanResult, type ScanOptions } from './scan-source.ts'
import { readMask, recordBytes, readLatents, runClipGraph } from './avatar-record.ts'

/** Everything about the source that does not depend on the speech. */
export interface Avatar extends AsyncDisposable {
  /** Source frames that were looked at. */
  count: number
  withoutFace: number
  fingerprintOf(index: number): number
  facePlacement(index: number): FacePlacement | undefined
  /** What `generate` needs of these frames, in one batch; all must have a face. */
  latents(indices: readonly number[]): Promise<Tensors>
  /** What may be replaced of its head, where the bundle parses faces: 512x512, one bit per pixel. */
  maskOf(placed: FacePlacement): Promise<Uint8Array | undefined>
}

/**
 * Prepare up to `limit` frames of a source, or take what an earlier job learned from the same video.
 * What is known per frame lies on disk, in records of one size.
 *
 * @throws InputError NO_FACE where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function prepareAvatar(
  source: VideoInput,
  limit: number,
  options: ScanOptions,
  ctx: RenderContext,
): Promise<Avatar> {
  const { cache, models } = ctx
  const bytes = recordBytes(models)
  const key = cache && (await avatarKey(source, limit, options, ctx))
  const known = key && (await cache?.get(key, bytes))
  if (known) {
    ctx.log.info('avatar.cached', { frames: known.scanned.placed.length })
    return fromRecords(known.records, known.scanned, ctx)
  }
  const file = join(ctx.dir, 'avatar.states')
  const records = await RecordFile.create(file, bytes)
  try {
    const scanned = await scan(source, limit, options, records, ctx)
    if (key) await cache?.put(key, file, scanned)
    return await fromRecords(records, scanned, ctx)
  } catch (error) {
    await records[Symbol.asyncDispose]()
    throw error
  }
}

async function fromRecords(
  records: RecordFile,
  { placed, fingerprints }: ScanResult,
  { models }: RenderContext,
): Promise<Avatar> {
  const clip = records.count > 0 ? await runClipGraph(records, models) : {}
  return {
    count: placed.length,
    withoutFace: placed.filter((face) => !face).length,
    fingerprintOf: (index) => fingerprints[index]!,
    facePlacement: (index) => placed[index] ?? undefined,
    async latents(indices) {
      const slots = indices.map((index) => placed[index]!.slot)
      return { ...(await readLatents(records, slots, models.manifest)), ...clip }
    },
    maskOf: async ({ slot }) => (models.graphs.parse ? readMask(records, slot) : undefined),
    [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
  }
}
