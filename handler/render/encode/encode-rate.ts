import { InputError } from '../../errors.ts'
import { withLimits } from '../media/child-limits.ts'
import { untrustedInputArgs } from '../media/ffmpeg.ts'
import { tryOut } from '../media/probing/try-out.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderContext } from '../render-context.ts'

/** How many bits the pictures of a result get: what their quality needs, or so many a second. */
export interface EncodeRate {
  /** Quality on x264's scale; less is better and larger. */
  crf: number
  /** Kilobits a second, which win. */
  kbps?: number | undefined
}

/** What a job may ask for, and what is taken of a source that has more or less. */
export const KBPS_RANGE = [50, 200_000] as const

/** An encoder's arguments for its rate. @param constant those of its constant quality */
export const rateArgs = ({ kbps }: EncodeRate, constant: string[]): string[] =>
  kbps === undefined ? constant : ['-b:v', `${kbps}k`]

/**
 * The rate that a job asks for; the source's own is that of all pictures of its file.
 *
 * @param source a file of unknown origin
 * @throws InputError INVALID_JOB where the source has none
 */
export async function resolveRate(
  { crf, bitrate }: { crf: number; bitrate?: number | 'source' | undefined },
  source: { file: string; facts: VideoInfo },
  ctx: Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal'>,
): Promise<EncodeRate> {
  if (bitrate !== 'source') return { crf, kbps: bitrate }
  const kbps = await measureKbps(source, ctx)
  if (kbps !== undefined) {
    const [least, most] = KBPS_RANGE
    return { crf, kbps: Math.round(Math.min(most, Math.max(least, kbps))) }
  }
  const why = source.facts.still ? 'a still has none' : 'its file does not tell how long it is'
  throw new InputError('INVALID_JOB', `output.bitrate: "source": ${why}; name a number, or a crf`)
}

/** Packets are counted, not decoded: what headers say of rates is often wrong, or absent. */
async function measureKbps(
  {
    file,
    facts: { still, stream, durationS, maxStoredPixels },
  }: { file: string; facts: VideoInfo },
  { ffmpeg, limits, signal }: Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal'>,
): Promise<number | undefined> {
  if (still || !durationS) return undefined
  const input = untrustedInputArgs(file, maxStoredPixels)
  const copy = ['-map', `0:${stream}`, '-c', 'copy', '-f', 'null', '-']
  const args = ['-nostdin', '-nostats', '-hide_banner', '-v', 'info', ...input, ...copy]
  const command = withLimits(ffmpeg.path, args, limits.maxPixels)
  const { stderr } = await tryOut(command, 'reading the video input', signal)
  const [, kilobytes] = /^.*video:\s*(\d+)Ki?B/ims.exec(stderr) ?? []
  return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024 * 8) / 1000 / durationS
}
