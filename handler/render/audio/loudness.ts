import type { RenderContext } from '../render-context.ts'
import { withLimits } from '../media/child-limits.ts'
import { toInputError } from '../media/ffmpeg-errors.ts'
import { runToEnd } from '../media/ffmpeg.ts'
import type { MixedSoundtrack, Soundtrack } from './soundtrack.ts'

const CEILING_DB = -1 // dBTP: what encoders add to a peak still fits
const SILENT_LUFS = -69 // the scale ends at -70

/**
 * Bring a mixed soundtrack to a loudness: it is listened to once, then made louder or quieter as a whole.
 * Only peaks that would then be too high are held down. What is silent stays so.
 *
 * @param target integrated loudness, LUFS
 * @throws InputError MEDIA_UNREADABLE where the sound cannot be decoded
 * @see EBU R 128, ITU-R BS.1770
 */
export async function atLoudness(
  soundtrack: MixedSoundtrack,
  target: number,
  { ffmpeg, limits, signal }: Pick<RenderContext, 'ffmpeg' | 'limits' | 'signal'>,
): Promise<Soundtrack> {
  const { graph } = soundtrack
  const pictures = ['-f', 'lavfi', '-i', 'color=s=16x16:d=0.04'] // so that inputs keep their numbers
  const meter = `${graph};[sound]ebur128=peak=true:framelog=verbose[heard]`
  const args = ['-nostdin', '-hide_banner', '-nostats', ...pictures, ...soundtrack.inputs]
  const measure = ['-filter_complex', meter, '-map', '[heard]', '-f', 'null', '-']
  const command = withLimits(ffmpeg.path, [...args, ...measure], limits.maxPixels)
  const finished = await runToEnd(...command, signal)
  if (finished.code !== 0) throw toInputError(finished, 'audio')
  const { stderr } = finished
  const loudness = Number(/.*I:\s+(-?[\d.]+) LUFS/s.exec(stderr)?.[1] ?? -70)
  const peak = Number(/.*Peak:\s+(-?[\d.]+) dBFS/s.exec(stderr)?.[1] ?? 0)
  if (loudness < SILENT_LUFS) return soundtrack
  const gain = target - loudness
  const limit = `alimiter=limit=${(10 ** (CEILING_DB / 20)).toFixed(4)}:level=0:latency=1`
  const filters = [`volume=${gain.toFixed(2)}dB`, ...(peak + gain > CEILING_DB ? [limit] : [])]
  const louder = `${graph};[sound]${filters.join(',')}[level]`
  return { ...soundtrack, output: ['-filter_complex', louder, '-map', '[level]'] }
}
