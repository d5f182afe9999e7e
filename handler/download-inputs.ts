import { open, stat, symlink, writeFile, type FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createScratchDir, type JobContext } from './job-context.ts'
import { DOCUMENT_START_BYTES, documentTypeOf } from './document-type.ts'
import { InputError, UpstreamError } from './errors.ts'
import { inputsOf } from './job/job-inputs.ts'
import { MAX_BOX_LIST_BYTES, readBoxList } from './inputs/box-list.ts'
import { inputKind } from './inputs/input-address.ts'
import { decodeDataUrl } from './inputs/inline-media.ts'
import { Boxes } from './job/face-schema.ts'
import type { JobVoice } from './job/job-voices.ts'
import type { Job } from './job/parse-job.ts'
import type { FaceChoice } from './render/render-options.ts'
import { NetworkError } from './net/network-error.ts'
import { allOrAbort } from './system/all-or-abort.ts'
import { downloadResumable } from './net/resumable-download.ts'

/** Both inputs as files of the job's own folder. */
export interface InputFiles {
  video: string
  /** Of each voice of the job. */
  voices: string[]
  /** The same, with the boxes that were elsewhere. */
  faces: FaceChoice[]
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
  const faces: FaceChoice[] = []
  for (const voice of job.voices) faces.push(await resolveFace(voice, `${faces.length}`, ctx))
  // A recording of which several parts are spoken is fetched once.
  const recordings = [...new Map(job.voices.map((voice) => [voice.audio_url, voice])).values()]
  const [video, ...audio] = await allOrAbort(ctx.signal, [
    (signal) => downloadInput('video_url', job.video_url, join(ctx.dir, 'video.bin'), ctx, signal),
    ...recordings.map(({ field, audio_url }, i) => (signal: AbortSignal) => {
      const to = join(ctx.dir, i === 0 ? 'audio.bin' : `audio-${i}.bin`)
      return downloadInput(field, audio_url, to, ctx, signal)
    }),
  ])
  const fileOf = (address: string) =>
    audio[recordings.findIndex(({ audio_url }) => audio_url === address)]!
  return { video: video!, voices: job.voices.map(({ audio_url }) => fileOf(audio_url)), faces }
}

/** What a voice says of its face; boxes that lie elsewhere come before the media, for they are small. */
async function resolveFace(
  { face, faceField }: JobVoice,
  name: string,
  ctx: JobContext,
): Promise<FaceChoice> {
  if (typeof face !== 'object' || !('boxes_url' in face)) return face
  const [field, to] = [`${faceField}.boxes_url`, join(ctx.dir, `boxes-${name}.json`)]
  const maxInputBytes = Math.min(ctx.limits.maxInputBytes, MAX_BOX_LIST_BYTES)
  const limits = { ...ctx.limits, maxInputBytes }
  await downloadInput(field, face.boxes_url, to, { ...ctx, limits }, ctx.signal)
  return { boxes: await withFieldName(field, () => readBoxList(to, Boxes)) }
}

/** All addresses of a job are looked at before the first of them is connected to. */
async function rejectPrivateUrls(job: Job, { fetch, signal }: JobContext): Promise<void> {
  const urls = {
    ...Object.fromEntries(
      Object.entries(inputsOf(job)).filter(([, address]) => inputKind(address) === 'http'),
    ),
    'output.url': job.output.url,
    'output.poster.url': job.output.poster?.url,
    'output.preview.url': job.output.preview?.url,
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
  await withFieldName(field, async () => {
    switch (inputKind(from)) {
      case 'path':
        return linkLocalInput(from, to, ctx)
      case 'data':
        return writeInlineInput(from, to, ctx)
      case 'upload':
        return ctx.uploads!.link(from, to) // parsing has seen that it is there
      case 'bucket': {
        const { presign, fetch } = ctx.buckets!
        const url = await presign(from, signal)
        return downloadRemote(field, url, to, { ...ctx, fetch, signal })
      }
      case 'http':
        return downloadRemote(field, from, to, { ...ctx, signal })
    }
  })
  return to
}

async function downloadRemote(
  field: string,
  url: string,
  to: string,
  { fetch, timeouts, limits, signal, onTransfer, log }: JobContext,
): Promise<void> {
  const start = performance.now()
  await using file = await open(to, 'wx+')
  const options = { fetch, timeouts, maxBytes: limits.maxInputBytes, signal }
  const bytes = await downloadResumable(url, file, options)
  const seconds = (performance.now() - start) / 1000
  onTransfer?.({ direction: 'in', bytes, seconds })
  log.info('downloaded', { field, bytes, seconds: Math.round(seconds * 1000) / 1000 })
  if (bytes === 0) throw new InputError('MEDIA_UNREADABLE', 'the file is empty')
  if (!field.endsWith('boxes_url')) await rejectDocument(file)
}

/** The commonest wrong link is one to the page of a file. What is wrong with media is for `probe` to say. */
async function rejectDocument(file: FileHandle): Promise<void> {
  const start = Buffer.alloc(DOCUMENT_START_BYTES)
  const { bytesRead } = await file.read(start, 0, start.length, 0)
  const found = documentTypeOf(start.subarray(0, bytesRead))
  if (found === undefined) return
  const message = `the server sent ${found}, not media; a link to the file itself is needed`
  throw new InputError('MEDIA_UNREADABLE', message)
}

async function writeInlineInput(from: string, to: string, { limits }: JobContext): Promise<void> {
  const bytes = decodeDataUrl(from) as Buffer // parsing has seen that it is one
  assertSize(bytes.length, limits.maxInputBytes)
  await writeFile(to, bytes, { flag: 'wx' })
}

function assertSize(bytes: number, limit: number): void {
  if (bytes > limit) {
    throw new InputError('MEDIA_TOO_LARGE', `${bytes} bytes; the limit is ${limit}`)
  }
}

async function linkLocalInput(from: string, to: string, { limits }: JobContext): Promise<void> {
  const path = from.startsWith('file:') ? fileURLToPath(from) : resolve(from)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw new InputError('MEDIA_UNREADABLE', `there is no file "${from}"`)
  assertSize(found.size, limits.maxInputBytes)
  await symlink(path, to)
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
