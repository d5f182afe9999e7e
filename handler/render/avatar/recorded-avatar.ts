import type { RenderContext } from '../context.ts'
import { shownIndex, type PlayMode } from '../frames/frame-schedule.ts'
import { playSource } from '../frames/play-source.ts'
import type { VideoInput } from '../media/decode-video.ts'
import { recordOfNothing, type Avatar, type SourceFrame } from './avatar.ts'
import { runClipGraph } from './avatar-record.ts'
import type { RecordFile } from './record-file.ts'
import type { ScanResult } from './avatar-cache.ts'

/** An avatar whose source was looked at before: all that is known of its frames lies on disk. */
export async function recordedAvatar(
  source: VideoInput,
  records: RecordFile,
  scanned: ScanResult,
  ctx: RenderContext,
): Promise<Avatar> {
  return {
    count: scanned.placed.length,
    withoutFace: scanned.placed.filter((face) => !face).length,
    first: scanned.first,
    clip: await runClipGraph(records, ctx.models, ctx.buffers),
    at: (index) => known(index, records, scanned),
    play: (total, mode) => playRecorded(source, records, scanned, mode, 0, total, ctx),
    [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
  }
}

/** Output frames from..total-1. */
export async function* playRecorded(
  source: VideoInput,
  records: RecordFile,
  { placed, fingerprints }: ScanResult,
  mode: PlayMode,
  from: number,
  total: number,
  ctx: RenderContext,
): AsyncGenerator<SourceFrame> {
  const count = placed.length
  const playback = { source, count, fingerprintOf: (index: number) => fingerprints[index]! }
  let index = from
  for await (const frame of playSource(playback, mode, from, total, ctx)) {
    const shown = shownIndex(mode, index++, count, total)
    yield { frame, ...known(shown, records, { placed }) }
  }
}

function known(index: number, records: RecordFile, { placed }: Pick<ScanResult, 'placed'>) {
  const placement = placed[index] ?? undefined
  const record = placement ? () => records.read(placement.slot, 1) : recordOfNothing
  return { placement, record }
}

/** Frames of the result, and what an avatar of the same source knows of them. */
export async function* layOver(
  frames: AsyncIterable<Uint8Array>,
  { at, count }: Avatar,
  mode: PlayMode,
  total: number,
): AsyncGenerator<SourceFrame> {
  let index = 0
  for await (const frame of frames) yield { frame, ...at!(shownIndex(mode, index++, count, total)) }
}
