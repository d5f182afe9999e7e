import { withLimits } from '../child-limits.ts'
import { untrustedInputArgs, type Ffmpeg } from '../ffmpeg.ts'
import { openedPixels, type MediaLimits } from './media-limits.ts'
import { tryOut } from './try-out.ts'
import type { Rate } from '../media-info.ts'

const LOOKED_AT = 240 // pictures; some seconds of any video

/** What the first pictures of a stream say of themselves. */
export interface MeasuredPictures {
  /** How many there are, of the first 240. */
  count: number
  /** Typical distance, as a rate; unknown where they have none. */
  rate?: Rate
}

/**
 * Read the times of a stream's first pictures without decoding them, for files whose own word is
 * missing or in doubt: recordings of a browser have no frame rate, fragmented mp4 claims one frame.
 *
 * @throws as `tryOut`: what was read until then would make a still of it
 */
export async function measurePictures(
  { file, stream }: { file: string; stream: number },
  limits: Pick<MediaLimits, 'maxPixels'>,
  ffmpeg: Ffmpeg,
  signal: AbortSignal,
): Promise<MeasuredPictures> {
  const { maxPixels } = limits
  const args = [
    ...['-nostdin', '-v', 'error', ...untrustedInputArgs(file, openedPixels(limits), maxPixels)],
    ...['-map', `0:${stream}`, '-c', 'copy', '-frames:v', String(LOOKED_AT)],
    ...['-f', 'framecrc', 'pipe:1'],
  ]
  const command = withLimits(ffmpeg.path, args, maxPixels)
  const { stdout } = await tryOut(command, 'reading the video input', signal)
  return parseTimes(stdout.toString())
}

/** ffmpeg's framecrc: `#tb 0: 1/12800`, then `0, dts, pts, duration, size, crc` for each picture. */
export function parseTimes(text: string): MeasuredPictures {
  const [, num = 0, den = 1] = (/^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? []).map(Number)
  const ticks = [...text.matchAll(/^0,\s*[^,]+,\s*(-?\d+),/gm)].map((line) => Number(line[1]))
  const times = [...new Set(ticks)].toSorted((a, b) => a - b)
  const apart = times.slice(1).map((time, i) => time - times[i]!)
  const median = apart.toSorted((a, b) => a - b)[apart.length >> 1] ?? 0
  // A pause is no picture rate.
  const usual = apart.filter((ticks) => ticks <= 3 * median)
  const perPicture = (usual.reduce((sum, ticks) => sum + ticks, 0) / usual.length) * (num / den)
  const rate = perPicture > 0 && { num: Math.round(1000 / perPicture), den: 1000 }
  return { count: text.match(/^0,/gm)?.length ?? 0, ...(rate && { rate }) }
}
