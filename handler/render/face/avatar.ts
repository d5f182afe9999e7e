import { join } from 'node:path'
import type { Box, Image } from '../../../models/pixels/image.ts'
import { cropBox, faceMask } from '../../../models/pixels/blend-mask.ts'
import type { Tensors } from '../../../models/inference/tensor.ts'
import { avatarKey } from './avatar-key.ts'
import type { RenderContext } from '../context.ts'
import type { Source } from '../media/decode-video.ts'
import { Records } from './record-file.ts'
import { scan, type Placed, type Scanned, type ScanOptions } from './scan-source.ts'
import { maskFrom, recordBytes, statesFrom, wholeClip } from './avatar-record.ts'

/** Everything about the source that does not depend on the speech. */
export interface Avatar extends AsyncDisposable {
  /** Source frames that were looked at. */
  count: number
  withoutFace: number
  fingerprintOf(index: number): number
  faceOf(index: number): Placed | undefined
  /** What `generate` needs of these frames, in one batch; all must have a face. */
  statesOf(indices: readonly number[]): Promise<Tensors>
  /** What may be replaced around a face, where the bundle parses faces: 0..255 over `at`. */
  maskOf(placed: Placed): Promise<{ mask: Image; at: Box } | undefined>
}

/**
 * Prepare up to `limit` frames of a source, or take what an earlier job learned from the same video.
 * What is known per frame lies on disk, in records of one size.
 *
 * @throws InputError NO_FACE where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function prepareAvatar(
  source: Source,
  limit: number,
  options: ScanOptions,
  ctx: RenderContext,
): Promise<Avatar> {
  const { cache, models } = ctx
  const bytes = recordBytes(models)
  const key = cache && (await avatarKey(source, limit, options, ctx))
  const known = key && (await cache?.find(key, bytes))
  if (known) {
    ctx.log('avatar.cached', { frames: known.scanned.placed.length })
    return open(known.records, known.scanned, ctx)
  }
  const file = join(ctx.dir, 'avatar.states')
  const records = await Records.create(file, bytes)
  try {
    const scanned = await scan(source, limit, options, records, ctx)
    if (key) await cache?.keep(key, file, scanned)
    return await open(records, scanned, ctx)
  } catch (error) {
    await records[Symbol.asyncDispose]()
    throw error
  }
}

async function open(
  records: Records,
  { placed, fingerprints }: Scanned,
  { models }: RenderContext,
): Promise<Avatar> {
  const clip = records.count > 0 ? await wholeClip(records, models) : {}
  return {
    count: placed.length,
    withoutFace: placed.filter((face) => !face).length,
    fingerprintOf: (index) => fingerprints[index]!,
    faceOf: (index) => placed[index] ?? undefined,
    async statesOf(indices) {
      const slots = indices.map((index) => placed[index]!.slot)
      return { ...(await statesFrom(records, slots, models.manifest)), ...clip }
    },
    async maskOf({ box, slot }) {
      if (!models.graphs.parse) return undefined
      return { mask: faceMask(await maskFrom(records, slot), box), at: cropBox(box) }
    },
    [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
  }
}
