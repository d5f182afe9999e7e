import { InputError, WorkerError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import { runToEnd, spawnFfmpeg, type ProcessResult } from '../media/ffmpeg.ts'
import { toError, toSystemError } from '../media/ffmpeg-errors.ts'
import { tryOut } from '../media/probing/try-out.ts'

/** Pictures of the result that are made beside it. */
export interface WantedPictures {
  /** A frame as JPEG, in the result's size: the one that is shown at so many seconds, the last one past the end. */
  poster?: { at: number } | undefined
  /** So many frames, evenly spread, as an animation. */
  preview?: { frames: number; width: number; format: PreviewFormat } | undefined
}

export const PREVIEW_FORMATS = ['webp', 'gif'] as const
export type PreviewFormat = (typeof PREVIEW_FORMATS)[number]

/** What the names of pictures have behind that of their video. */
export function pictureEndings({ poster, preview }: WantedPictures) {
  return {
    ...(poster && { poster: '.poster.jpg' }),
    ...(preview && { preview: `.preview.${preview.format}` }),
  }
}

const SHOWN_PER_S = 4 // frames of a preview
const PICTURE_BYTES = 64 << 20 // more no picture of 640 px has, whatever its shape

const ANIMATIONS: Record<PreviewFormat, string[]> = {
  webp: ['-c:v', 'libwebp_anim', '-quality', '70', '-loop', '0', '-f', 'webp'],
  gif: [
    ...['-filter_complex', 'split[a][b];[a]palettegen[p];[b][p]paletteuse'],
    ...['-loop', '0', '-f', 'gif'],
  ],
}

/** @throws InputError INVALID_JOB where this ffmpeg cannot write the preview, by a trial of one picture */
export async function assertPreviewFormat(
  { preview }: WantedPictures,
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<void> {
  if (preview?.format !== 'webp') return
  const picture = ['-v', 'error', '-f', 'lavfi', '-i', 'color=s=64x64:d=0.04']
  const args = [...picture, ...ANIMATIONS.webp, 'pipe:1']
  const { code } = await tryOut([ffmpeg.path, args], 'trying an encoder', signal)
  if (code === 0) return
  const message = 'output.preview.format: the ffmpeg of this worker cannot write webp; take gif'
  throw new InputError('INVALID_JOB', message)
}

/**
 * Make pictures of a finished video, beside it. What it costs depends on how many they are and not on the
 * video's length: each frame is sought.
 */
export async function makePictures(
  video: string,
  wanted: WantedPictures,
  { frames, fps, alpha }: { frames: number; fps: number; alpha: boolean },
  ctx: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<void> {
  const endings = pictureEndings(wanted)
  const { poster, preview } = wanted
  const at = (index: number) => ['-ss', String(Math.max(0, (index - 0.5) / fps))]
  if (poster) {
    const index = Math.min(frames - 1, Math.floor(poster.at * fps + 1e-6))
    const samples = alpha ? `${OVER_BLACK},${JPEG_SAMPLES}` : JPEG_SAMPLES
    const jpeg = ['-vf', samples, '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1']
    const file = ['-y', `file:${video}${endings.poster}`]
    await run([...at(index), ...frameOf(video), ...jpeg, ...file], ctx)
  }
  if (!preview) return
  const pictures: Buffer[] = []
  for (let i = 0; i < preview.frames; i++) {
    const index = Math.floor(((i + 0.5) * frames) / preview.frames)
    const png = ['-vf', `scale=${preview.width}:-2:flags=lanczos+accurate_rnd`, '-c:v', 'png']
    const args = [...at(index), ...frameOf(video), ...png, '-f', 'image2pipe', 'pipe:1']
    pictures.push(await run(args, ctx))
  }
  await animate(pictures, preview.format, `${video}${endings.preview}`, ctx)
}

const frameOf = (video: string) => ['-i', `file:${video}`, '-map', '0:v:0', '-frames:v', '1']

const OVER_BLACK = 'format=gbrap,premultiply=inplace=1,format=gbrp'

/** What every reader of JPEG takes it to have. */
const JPEG_SAMPLES = 'scale=out_color_matrix=bt601:out_range=full,format=yuvj420p'

async function run(
  args: string[],
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<Buffer> {
  const quiet = ['-nostdin', '-v', 'error']
  const finished = await runToEnd(ffmpeg.path, [...quiet, ...args], signal, PICTURE_BYTES)
  if (finished.code !== 0) throw toPictureError(finished)
  return finished.stdout
}

async function animate(
  pictures: readonly Buffer[],
  format: PreviewFormat,
  file: string,
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<void> {
  const input = ['-v', 'error', '-f', 'image2pipe', '-framerate', `${SHOWN_PER_S}`, '-c:v', 'png']
  const args = [...input, '-i', 'pipe:0', ...ANIMATIONS[format], '-y', `file:${file}`]
  await using running = await spawnFfmpeg(ffmpeg.path, args, signal, { stdin: 'pipe' })
  running.stdout.resume()
  for (const picture of pictures) running.stdin.write(picture)
  running.stdin.end()
  const finished = await running.done
  signal.throwIfAborted()
  if (finished.code !== 0) throw toPictureError(finished)
}

function toPictureError(finished: ProcessResult): Error {
  const what = 'making the pictures of the result'
  const options = { cause: toError(finished) }
  return toSystemError(finished, what) ?? new WorkerError('BUG', `${what} failed`, options)
}
