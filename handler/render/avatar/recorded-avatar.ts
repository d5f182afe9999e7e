import type { RenderContext } from '../render-context.ts'
import { shownIndex, type PlayMode } from '../frames/frame-schedule.ts'
import { playSource } from '../frames/play-source.ts'
import type { VideoInput } from '../media/decode-video.ts'
import type { OutputSpan } from '../split/split-step.ts'
import { recordOfNothing, type Avatar, type SourceFrame } from './avatar.ts'
import { runClipGraph } from './avatar-record.ts'
import { seenUpTo } from './joint.ts'
import type { RecordFile } from './record-file.ts'
import type { ScanResult } from './avatar-cache.ts'

/** An avatar whose source was looked at before: all that is known of its frames lies on disk. */
export async function recordedAvatar(
  source: VideoInput,
  records: RecordFile,
  scanned: ScanResult,
  ctx: RenderContext,
): Promise<Avatar> {
  const count = scanned.placed.length
  return {
    count,
    withoutFace: scanned.placed.filter((face) => !face).length,
    first: scanned.first,
    clip: await runClipGraph(records, ctx.models, ctx.buffers),
    at: (index) => known(index, records, scanned),
    play: (span, mode) => playRecorded({ source, count, scanned }, records, mode, span, ctx),
    seenUpTo: (index) => seenUpTo(scanned, index, source),
    [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
  }
}

/** A source of `count` frames, of which at least those that are shown were looked at. */
export interface Recorded {
  source: VideoInput
  count: number
  scanned: ScanResult
}

/** Output frames [from, to). */
export async function* playRecorded(
  { source, count, scanned: { placed, fingerprints } }: Recorded,
  records: RecordFile,
  mode: PlayMode,
  span: OutputSpan,
  ctx: RenderContext,
): AsyncGenerator<SourceFrame> {
  const playback = { source, count, fingerprintOf: (index: number) => fingerprints[index]! }
  let index = span.from
  for await (const frame of playSource(playback, mode, span, ctx)) {
    const shown = shownIndex(mode, index++, count, span.total)
    yield { frame, ...known(shown, records, { placed }) }
  }
}

export function known(index: number, records: RecordFile, { placed }: Pick<ScanResult, 'placed'>) {
  const placement = placed[index] ?? undefined
  const record = placement ? () => records.read(placement.slot, 1) : recordOfNothing
  return { placement, record }
}

/** Frames of the result, and what an avatar of the same source knows of them. */
export async function* layOver(
  frames: AsyncIterable<Uint8Array>,
  { at, count }: Avatar,
  mode: PlayMode,
  { from, total }: OutputSpan,
): AsyncGenerator<SourceFrame> {
  let index = from
  for await (const frame of frames) yield { frame, ...at!(shownIndex(mode, index++, count, total)) }
}
