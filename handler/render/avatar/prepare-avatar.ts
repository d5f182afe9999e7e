import { join } from 'node:path'
import type { RenderContext } from '../render-context.ts'
import { fps } from '../media/media-info.ts'
import type { VideoInput } from '../media/decode-video.ts'
import type { Avatar } from './avatar.ts'
import { avatarKey, framesKeyed } from './avatar-cache.ts'
import { recordBytes } from './avatar-record.ts'
import { liveAvatar } from './live-avatar.ts'
import { recordedAvatar } from './recorded-avatar.ts'
import { RecordFile } from './record-file.ts'
import { scanAll, type Scan } from './scan-result.ts'
import type { ScanResult } from './avatar-cache.ts'
import { partAvatar, type Part } from './part-avatar.ts'

const UNSURE_S = 1 // what a file's own word for its length may be off

/**
 * Take what an earlier job learned from the same video; or look at it while it is shown; or, where the
 * length of the result or something about the whole clip must be known before, look at all of it first.
 *
 * @param total frames of the output, where they do not depend on the source's
 * @param isOneOfMany other faces are drawn into the same frames
 * @param part what of the result is drawn, where not all is
 * @throws InputError NO_FACE where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function prepareAvatar(
  scan: Scan,
  total: number | undefined,
  isOneOfMany: boolean,
  ctx: RenderContext,
  part?: Part,
): Promise<Avatar> {
  const { cache, models, dir } = ctx
  const { source, limit, options } = scan
  const bytes = recordBytes(models)
  const key = cache && (await avatarKey(source, limit, options, ctx))
  const known = key && (await cache?.get(key, bytes))
  if (known) {
    ctx.log.info('avatar.cached', { frames: known.scanned.placed.length })
    return recordedAvatar(source, known.records, known.scanned, ctx)
  }
  const file = join(dir, 'avatar.states')
  const create = () => RecordFile.create(file, bytes)
  const complete = async (scanned: ScanResult) => {
    const isWhole = scanned.placed.length <= framesKeyed(source.facts, limit)
    if (key && isWhole) await cache?.put(key, file, scanned)
  }
  const isScannedFirst = models.graphs.clip !== undefined || source.facts.still
  if (part && !isScannedFirst) return partAvatar(scan, part, isOneOfMany, create, ctx)
  const live = total !== undefined && !isScannedFirst && !isOneOfMany
  if (!live) return scannedAvatar(scan, await create(), complete, ctx)
  const expected = key !== undefined || mayEndBefore(source, total)
  return liveAvatar(scan, { expected, create, complete }, ctx)
}

async function scannedAvatar(
  scan: Scan,
  records: RecordFile,
  complete: (scanned: ScanResult) => Promise<void>,
  ctx: RenderContext,
): Promise<Avatar> {
  let completed: Promise<void> | undefined // the frames need not wait for it
  try {
    const total = expectedFrames(scan)
    const report = (done: number) => ctx.onScanned?.(done, Math.max(done, total))
    const scanned = await scanAll(scan, records, ctx, scan.source.facts.still ? undefined : report)
    completed = complete(scanned)
    const avatar = await recordedAvatar(scan.source, records, scanned, ctx)
    return {
      ...avatar,
      async [Symbol.asyncDispose]() {
        await completed
        await avatar[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await completed
    await records[Symbol.asyncDispose]()
    throw error
  }
}

/** Source frames that a scan will look at, by the file's own word for its length. */
function expectedFrames({ source: { facts }, limit }: Scan): number {
  return Math.min(limit, Math.ceil((facts.durationS ?? Infinity) * fps(facts.rate)))
}

/** Whether the result may show the end of its source. */
export function mayEndBefore({ facts: { durationS, rate } }: VideoInput, total: number): boolean {
  return durationS === undefined || (durationS - UNSURE_S) * fps(rate) < total
}
