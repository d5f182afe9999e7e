import { spawn, type ChildProcess } from 'node:child_process'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { WorkerError } from '../../errors.ts'
import type { FramePipe } from './frame-pipe.ts'
import { isCeilingOurs, lacksMemory } from './memory-ceiling.ts'
import { killWhenStalled, type Moved, type Stall } from './stall-watch.ts'

/** The ffmpeg of this machine and what it can do. */
export interface Ffmpeg {
  path: string
  /** ffprobe, where there is one. */
  probe?: string
  version: string
  /** Its resampler can be soxr, which equals librosa's; the built-in one differs audibly to a model. */
  soxr: boolean
  /** A one-frame trial with NVENC worked: the encoder list says nothing about the driver. */
  nvenc: boolean
}

/**
 * Demuxers that read one file and nothing else. Playlists (hls, dash, concat, sdp) are absent: they
 * could make ffmpeg open another job's file or a local address.
 */
const FORMATS = [
  'mov mp4 m4a 3gp 3g2 mj2 matroska webm avi flv mpegts mpeg asf mxf dv gif apng',
  'h264 hevc m4v mpegvideo ivf obu yuv4mpegpipe mjpeg',
  'ogg wav w64 aiff au caf voc mp3 aac loas ac3 eac3 dts flac wv tta ape amr amrnb amrwb dsf',
  'png_pipe jpeg_pipe webp_pipe bmp_pipe tiff_pipe jpegxl_pipe',
]
  .join(' ')
  .replaceAll(' ', ',')

/** The largest single piece of memory that a file may ask for: forged tables and packed headers want gigabytes. */
const maxAlloc = (maxPixels: number) => String(Math.max(256 << 20, maxPixels * 16))

/**
 * Arguments that open a file of unknown origin; they stand for `-i FILE`.
 * @param memoryPixels a picture whose memory it may take
 */
export function untrustedInputArgs(
  file: string,
  maxPixels: number,
  memoryPixels = maxPixels,
): string[] {
  return [
    ...['-max_alloc', maxAlloc(memoryPixels)],
    ...['-max_pixels', String(maxPixels), '-protocol_whitelist', 'file'],
    ...['-format_whitelist', FORMATS, '-i', `file:${file}`],
  ]
}

export interface ProcessResult {
  /** Exit status; null after a signal. */
  code: number | null
  signal: NodeJS.Signals | null
  /** The last 8 KB. */
  stderr: string
  /** It got nowhere any more and was killed for that. */
  stalled?: Stall
  /** Bytes that this machine, or its container, still had to give when the process had ended. */
  freeMemory: number
  /** It was refused memory by our own ceilings, as far as is known. */
  overCeiling?: boolean
}

/** A running ffmpeg. Disposing kills it and waits until it is really gone. */
export interface FfmpegProcess extends AsyncDisposable {
  stdin: Writable
  stdout: Readable
  /** Resolves when the process has ended and its pipes are closed; never rejects. */
  done: Promise<ProcessResult>
}

/** Where the bytes of a process come from and go to. */
interface Ends {
  stdin?: 'pipe' | 'ignore'
  /** Instead of a stream. */
  stdout?: FramePipe
}

/**
 * Start ffmpeg or ffprobe. An abort kills it with SIGKILL: it holds nothing worth a goodbye.
 * @throws WorkerError FFMPEG_MISSING where it cannot be started, OUT_OF_MEMORY where the system gives no
 *   process, thread, descriptor or memory for it
 */
export async function spawnFfmpeg(
  path: string,
  args: string[],
  signal: AbortSignal,
  { stdin = 'ignore', stdout }: Ends = {},
): Promise<FfmpegProcess> {
  signal.throwIfAborted()
  const stdio = [stdin, stdout?.inlet ?? 'pipe', 'pipe'] as const
  const child = spawn(path, args, { stdio: [...stdio], env: { LC_ALL: 'C' } })
  stdout?.inlet.destroy() // or the pipe would not end with the child
  const started = new Promise((resolve, reject) => {
    child.once('spawn', resolve).once('error', reject)
  })
  const done = waitForExit(child, stdout ?? child.stdout)
  await started.catch((cause: NodeJS.ErrnoException) => {
    throw spawnError(path, cause)
  })
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  void done.then(() => signal.removeEventListener('abort', kill))
  if (signal.aborted) kill()
  // A write after the process has died must not crash us: its exit status tells the story.
  child.stdin?.on('error', () => {})
  return {
    stdin: child.stdin!,
    stdout: child.stdout!,
    done,
    async [Symbol.asyncDispose]() {
      kill()
      child.stdout?.destroy() // an unread pipe would keep `close` from coming
      await done
    },
  }
}

/** Without descriptors Node makes a child without pipes, which must not be a second error. */
function waitForExit(child: ChildProcess, stdout: Moved | null): Promise<ProcessResult> {
  let stderr = ''
  let how: Stall | undefined
  let overCeiling = false
  const unwatch = killWhenStalled(child, stdout, (stall) => (how = stall))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-8192)
    overCeiling = lacksMemory(stderr) && isCeilingOurs(child.pid)
  })
  const { promise, resolve } = Promise.withResolvers<ProcessResult>()
  child.once('close', (code, signal) => {
    const freeMemory = process.availableMemory()
    const ended = { code, signal, stderr, freeMemory, ...(how && { stalled: how }) }
    resolve({ ...ended, ...(overCeiling && { overCeiling }) })
  })
  child.once('error', ({ message: stderr }) => {
    resolve({ code: null, signal: null, stderr, freeMemory: process.availableMemory() })
  })
  return promise.finally(unwatch)
}

const SCARCE = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'])

function spawnError(path: string, cause: NodeJS.ErrnoException): WorkerError {
  const { code = 'unknown' } = cause
  if (SCARCE.has(code)) {
    const what = 'processes, file descriptors or memory'
    const message = `cannot start ${basename(path)}: the system is out of ${what} (${code})`
    return new WorkerError('OUT_OF_MEMORY', message, { cause })
  }
  return new WorkerError('FFMPEG_MISSING', `cannot start ${basename(path)} (${code})`, { cause })
}

/** Run to the end and collect stdout; more than `maxBytes` of it ends the process. */
export async function runToEnd(
  path: string,
  args: string[],
  signal: AbortSignal,
  maxBytes = 4 << 20,
): Promise<ProcessResult & { stdout: Buffer }> {
  await using running = await spawnFfmpeg(path, args, signal)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of running.stdout as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) break
  }
  const stdout = Buffer.concat(chunks)
  if (bytes <= maxBytes) {
    const finished = await running.done
    signal.throwIfAborted()
    return { ...finished, stdout }
  }
  signal.throwIfAborted()
  const freeMemory = process.availableMemory()
  return { code: null, signal: null, stderr: 'too much output', freeMemory, stdout }
}
