import { open, stat, symlink, type FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createScratchDir, type JobContext } from './context.ts'
import { DOCUMENT_START_BYTES, documentTypeOf } from './document-type.ts'
import { InputError, UpstreamError } from './errors.ts'
import { isPath, type Job } from './parse-job.ts'
import { NetworkError } from './net/network-error.ts'
import { allOrAbort } from './system/all-or-abort.ts'
import { downloadResumable } from './net/resumable-download.ts'

/** Both inputs as files of the job's own folder. */
export interface InputFiles {
  video: string
  audio: string
}

/**
 * Bring both inputs into the job's folder, side by side, under names of our own: a caller's file
 * name could make ffmpeg take it for a pattern or a protocol. What is in them is for `probe` to
 * judge; names and media types of a server prove nothing.
 *
 * @throws InputError BLOCKED_URL, MEDIA_UNREADABLE, MEDIA_TOO_LARGE; UpstreamError DOWNLOAD_FAILED
 */
export async function download(job: Job, ctx: JobContext): Promise<InputFiles> {
  await rejectPrivateUrls(job, ctx)
  await createScratchDir(ctx)
  const [video, audio] = await allOrAbort(ctx.signal, [
    (signal) => downloadInput('video_url', job.video_url, join(ctx.dir, 'video.bin'), ctx, signal),
    (signal) => downloadInput('audio_url', job.audio_url, join(ctx.dir, 'audio.bin'), ctx, signal),
  ])
  return { video: video!, audio: audio! }
}

/** All addresses of a job are looked at before the first of them is connected to. */
async function rejectPrivateUrls(job: Job, { fetch, signal }: JobContext): Promise<void> {
  const urls = {
    video_url: isPath(job.video_url) ? undefined : job.video_url,
    audio_url: isPath(job.audio_url) ? undefined : job.audio_url,
    'output.url': job.output.url,
    webhook: job.webhook?.url,
  }
  for (const [field, url] of Object.entries(urls)) {
    if (url !== undefined) await withFieldName(field, () => fetch.check(url, signal))
  }
}

async function downloadInput(
  field: string,
  from: string,
  to: string,
  ctx: JobContext,
  signal: AbortSignal,
): Promise<string> {
  if (isPath(from)) return linkLocalInput(field, from, to, ctx)
  const { fetch, timeouts, limits, onTransfer, log } = ctx
  const start = performance.now()
  await using file = await open(to, 'wx+')
  const options = { fetch, timeouts, maxBytes: limits.maxInputBytes, signal }
  const bytes = await withFieldName(field, () => downloadResumable(from, file, options))
  const seconds = (performance.now() - start) / 1000
  onTransfer?.({ direction: 'in', bytes, seconds })
  log.info('downloaded', { field, bytes, seconds: Math.round(seconds * 1000) / 1000 })
  if (bytes === 0) throw new InputError('MEDIA_UNREADABLE', `${field}: the file is empty`)
  await rejectDocument(field, file)
  return to
}

/** The commonest wrong link is one to the page of a file. What is wrong with media is for `probe` to say. */
async function rejectDocument(field: string, file: FileHandle): Promise<void> {
  const start = Buffer.alloc(DOCUMENT_START_BYTES)
  const { bytesRead } = await file.read(start, 0, start.length, 0)
  const found = documentTypeOf(start.subarray(0, bytesRead))
  if (found === undefined) return
  const message = `${field}: the server sent ${found}, not media; a link to the file itself is needed`
  throw new InputError('MEDIA_UNREADABLE', message)
}

async function linkLocalInput(field: string, from: string, to: string, { limits }: JobContext) {
  const path = from.startsWith('file:') ? fileURLToPath(from) : resolve(from)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile())
    throw new InputError('MEDIA_UNREADABLE', `${field}: there is no file "${from}"`)
  if (found.size > limits.maxInputBytes) {
    const message = `${field}: ${found.size} bytes; the limit is ${limits.maxInputBytes}`
    throw new InputError('MEDIA_TOO_LARGE', message)
  }
  await symlink(path, to)
  return to
}

/** Puts the field of the job before what is wrong with it. */
async function withFieldName<T>(field: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof InputError) throw error.withField(field)
    if (!(error instanceof NetworkError)) throw error
    const message = `${field}: the server ${error.message}`
    throw new UpstreamError('DOWNLOAD_FAILED', message, {
      cause: error,
      // A name that was unknown in every try is a wrong one.
      retryable: !error.permanent && !error.unknownHost,
    })
  }
}
