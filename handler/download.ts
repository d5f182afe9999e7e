import { stat, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Context } from './context.ts'
import { InputError } from './errors.ts'
import type { Job } from './job.ts'

/** Both inputs as files of the job's own folder. */
export interface Inputs {
  video: string
  audio: string
}

/**
 * Bring both inputs into the job's folder, under names of our own: a caller's file name could make
 * ffmpeg take it for a pattern or a protocol.
 * @throws InputError INVALID_JOB, MEDIA_UNREADABLE, MEDIA_TOO_LARGE
 */
export async function download(job: Job, ctx: Context): Promise<Inputs> {
  const [video, audio] = await Promise.all([
    fetchInput('video_url', job.video_url, join(ctx.dir, 'video.bin'), ctx),
    fetchInput('audio_url', job.audio_url, join(ctx.dir, 'audio.bin'), ctx),
  ])
  return { video, audio }
}

async function fetchInput(field: string, from: string, to: string, ctx: Context): Promise<string> {
  if (!ctx.allowFileInputs) {
    throw new InputError('INVALID_JOB', `${field}: paths are not allowed on this worker`)
  }
  const path = from.startsWith('file:') ? fileURLToPath(from) : resolve(from)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile())
    throw new InputError('MEDIA_UNREADABLE', `${field}: there is no file "${from}"`)
  if (found.size > ctx.limits.maxInputBytes) {
    const message = `${field}: ${found.size} bytes; the limit is ${ctx.limits.maxInputBytes}`
    throw new InputError('MEDIA_TOO_LARGE', message)
  }
  await symlink(path, to)
  return to
}
