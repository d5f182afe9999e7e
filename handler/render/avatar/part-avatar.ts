import type { RenderContext } from '../render-context.ts'
import { shownIndex, type PlayMode } from '../frames/frame-schedule.ts'
import { unstableDecodeError } from '../frames/play-source.ts'
import { shownSpan, type DrawStep, type OutputSpan } from '../split/split-step.ts'
import { recordOfNothing, type Avatar, type SourceFrame } from './avatar.ts'
import { seenUpTo } from './joint.ts'
import { known, playRecorded } from './recorded-avatar.ts'
import type { RecordFile } from './record-file.ts'
import { isSmoothed } from './scan-source.ts'
import { noteScan, scanAll, type Scan } from './scan-result.ts'
import type { ScanResult } from './avatar-cache.ts'

/** What of a result is drawn, and how its source is played. */
export interface Part {
  step: DrawStep
  mode: PlayMode
}

/**
 * The avatar of a part: of the source only what it shows is looked at, and a little around it. Frames
 * that come in their order are shown while they are looked at; others from records, afterwards.
 *
 * @param isOneOfMany all is looked at before the first frame is drawn
 */
export async function partAvatar(
  whole: Scan,
  { step, mode }: Part,
  isOneOfMany: boolean,
  create: () => Promise<RecordFile>,
  ctx: RenderContext,
): Promise<Avatar> {
  const wanted = shownSpan(step, mode)
  const { from, to, total, sourceFrames: count, fromStart } = step
  const { limit, source } = whole
  const placed: ScanResult['placed'] = Array(wanted.from).fill(null)
  const fingerprints: number[] = []
  const scanned: ScanResult = { placed, fingerprints: [] }
  const onSeen = (index: number, value: number) => void (fingerprints[index] = value)
  const smoothed = isSmoothed(whole.options)
  const scan = { ...whole, span: { ...wanted, limit, fromStart, smoothed, onSeen } }
  const indexOf = (i: number) => shownIndex(mode, i, count, total)
  const isLive = !isOneOfMany && isRising(from, to, indexOf)
  const records = isLive ? undefined : await create()
  if (records) await scanAll(scan, records, ctx, undefined, scanned)

  /** No frame is counted by two parts. */
  const firstShown = () =>
    mode === 'remap'
      ? placed.slice(indexOf(from), to === total ? Infinity : indexOf(to))
      : placed.slice(from, Math.min(to, count))

  async function* play(span: OutputSpan): AsyncGenerator<SourceFrame> {
    if (!records) return yield* showWhileScanned()
    const recorded = { source, count, scanned: { placed, fingerprints } }
    yield* playRecorded(recorded, records, mode, span, ctx)
  }

  async function* showWhileScanned(): AsyncGenerator<SourceFrame> {
    let left = to - from
    for await (const { frame, placement, record } of noteScan(scan, scanned, undefined, ctx)) {
      if (left > 0)
        yield { frame, placement, record: record ? async () => record : recordOfNothing }
      else ctx.buffers.give(frame) // the next part's first
      left--
    }
    if (left <= 0) return
    throw unstableDecodeError()
  }

  return {
    count,
    get withoutFace() {
      return firstShown().filter((placement) => !placement).length
    },
    get firstShown() {
      return firstShown().length
    },
    get first() {
      return scanned.first
    },
    clip: {},
    ...(records && { at: (index: number) => known(index, records, scanned) }),
    play,
    seenUpTo: (index) => seenUpTo({ placed, fingerprints }, index, source),
    async [Symbol.asyncDispose]() {
      await records?.[Symbol.asyncDispose]()
    },
  }
}

function isRising(from: number, to: number, indexOf: (i: number) => number): boolean {
  for (let i = from + 1; i < to; i++) if (indexOf(i) !== indexOf(i - 1) + 1) return false
  return true
}
