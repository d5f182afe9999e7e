import type { RenderContext } from '../render-context.ts'
import type { PlayMode } from '../frames/frame-schedule.ts'
import type { OutputSpan } from '../split/split-step.ts'
import { recordOfNothing, type Avatar, type SourceFrame } from './avatar.ts'
import { seenUpTo } from './joint.ts'
import { playRecorded } from './recorded-avatar.ts'
import type { RecordFile } from './record-file.ts'
import { noteScan, scanAll, type Scan } from './scan-result.ts'
import type { ScanResult } from './avatar-cache.ts'

/** Where the records of a scan go. */
export interface RecordKeeping {
  /** Whether a second showing is expected, or another job may want them. */
  expected: boolean
  create(): Promise<RecordFile>
  /** Told once, when all of them are written. */
  complete(scanned: ScanResult): Promise<void>
}

/**
 * An avatar that is shown while its source is looked at for the first time: frames are decoded once.
 * What the output shows beyond the source's end comes from the records; where none were expected to be
 * needed, the source is looked at again.
 */
export async function liveAvatar(
  scan: Scan,
  keeping: RecordKeeping,
  ctx: RenderContext,
): Promise<Avatar> {
  const scanned: ScanResult = { placed: [], fingerprints: [] }
  let records = keeping.expected ? await keeping.create() : undefined
  let completed: Promise<void> | undefined // the frames need not wait for it

  async function* play({ total }: OutputSpan, mode: PlayMode): AsyncGenerator<SourceFrame> {
    for await (const { frame, placement, record } of noteScan(scan, scanned, records, ctx)) {
      yield { frame, placement, record: record ? async () => record : recordOfNothing }
    }
    if (records) completed = keeping.complete(scanned)
    const shown = scanned.placed.length
    if (shown >= total) return
    if (!records) {
      ctx.log.info('source.shorter', { frames: shown, total })
      records = await keeping.create()
      await scanAll(scan, records, ctx)
    }
    const recorded = { source: scan.source, count: shown, scanned }
    yield* playRecorded(recorded, records, mode, { from: shown, to: total, total }, ctx)
  }

  return {
    get count() {
      return scanned.placed.length
    },
    get withoutFace() {
      return scanned.placed.filter((placement) => !placement).length
    },
    get first() {
      return scanned.first
    },
    clip: {},
    play,
    seenUpTo: (index) => seenUpTo(scanned, index, scan.source),
    async [Symbol.asyncDispose]() {
      await completed
      await records?.[Symbol.asyncDispose]()
    },
  }
}
