import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WorkerError } from '../../errors.ts'
import type { Soundtrack } from '../audio/soundtrack.ts'
import type { RenderContext } from '../render-context.ts'
import { MADE_BY } from '../encode/encoder-args.ts'
import { encoderOf, toEncodeError, type EncodeOptions } from '../encode/encode-video.ts'
import { toSystemError } from '../media/ffmpeg-errors.ts'
import { runToEnd } from '../media/ffmpeg.ts'
import type { Rate, VideoInfo } from '../media/media-info.ts'

/**
 * Put the pictures of parts one after the other as they are, and the sound beside them, encoded once.
 * Each part begins with a picture that needs no other, and says of itself what all of them do.
 *
 * @param parts files without sound, in their order
 * @returns the name of the encoder
 * @throws WorkerError ENGINE_LOST where the parts were encoded in different ways, DISK_FULL;
 *   InputError MEDIA_UNREADABLE
 */
export async function joinParts(
  parts: readonly string[],
  video: VideoInfo,
  sound: Soundtrack,
  output: string,
  encoding: Omit<EncodeOptions, 'frame' | 'fragmented'>,
  ctx: RenderContext,
): Promise<string> {
  const { ffmpeg, signal, dir, log } = ctx
  const codec = await encoderOf(encoding, video, sound.channels, ctx)
  await assertAlike(parts, ctx)
  const list = join(dir, 'parts.txt')
  const lines = parts.map((part) => `file 'file:${part.replaceAll("'", "'\\''")}'\n`)
  await writeFile(list, lines.join(''))
  const { num, den } = video.rate
  const args = [
    ...['-nostdin', '-v', 'error'],
    ...['-protocol_whitelist', 'file', '-f', 'concat', '-safe', '0', '-i', `file:${list}`],
    ...sound.inputs,
    ...['-map', '0:v:0', ...sound.output],
    ...['-c:v', 'copy', ...tagOf(codec.video), '-bsf:v', onTheGrid(video.rate), ...codec.audio],
    ...['-t', String((encoding.frames * den) / num), '-metadata', `comment=${MADE_BY}`],
    ...encoding.tags,
    ...[...codec.container, '-y', `file:${output}`],
  ]
  log.debug('ffmpeg', { args: args.join(' ') })
  const finished = await ctx.stage('encode', () => runToEnd(ffmpeg.path, args, signal))
  if (finished.code !== 0 || toSystemError(finished, 'joining the parts')) {
    throw toEncodeError(finished)
  }
  return codec.name
}

/** What players know the codec by. */
function tagOf(video: readonly string[]): string[] {
  const at = video.indexOf('-tag:v')
  return at < 0 ? [] : video.slice(at, at + 2)
}

/** A part's length comes rounded to microseconds; every time is a whole number of pictures. */
function onTheGrid({ num, den }: Rate): string {
  const rounded = (time: string) => `round(round(${time}*TB*${num}/${den})*${den}/${num}/TB)`
  return `setts=pts=${rounded('PTS')}:dts=${rounded('DTS')}`
}

/** Decoders are set up once, at the beginning of the file. */
async function assertAlike(
  parts: readonly string[],
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<void> {
  const seen = new Set<string>()
  for (const part of parts) {
    const input = ['-v', 'error', '-i', `file:${part}`, '-map', '0:v:0', '-c', 'copy']
    const head = [...input, '-frames:v', '1', '-f', 'framecrc', '-']
    const { code, stdout } = await runToEnd(ffmpeg.path, head, signal)
    if (code !== 0) throw new WorkerError('ENGINE_LOST', 'a part of the result cannot be read')
    const about = stdout.toString().match(/^#(?:extradata|codec_id|dimensions|tb) .*$/gm)
    seen.add(about?.join() ?? '')
  }
  if (seen.size > 1) {
    const message = 'the parts of the result were encoded in different ways; send the job again'
    throw new WorkerError('ENGINE_LOST', message)
  }
}
