import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { WorkerError } from '../../errors.ts'
import { toError } from './ffmpeg-errors.ts'
import { runToEnd, type Ffmpeg } from './ffmpeg.ts'

/**
 * Find ffmpeg: the wanted path, else ffmpeg-static's binary, else the one on PATH.
 * @throws WorkerError FFMPEG_MISSING saying what to install, OUT_OF_MEMORY as `spawnFfmpeg`
 */
export async function findFfmpeg(wanted: string | undefined, signal: AbortSignal): Promise<Ffmpeg> {
  const path = (await which(wanted ?? staticBinary() ?? 'ffmpeg', signal)) ?? wanted ?? 'ffmpeg'
  const ask = runToEnd(path, ['-hide_banner', '-version'], signal).catch((cause) => {
    signal.throwIfAborted()
    if (cause instanceof WorkerError && cause.code === 'OUT_OF_MEMORY') throw cause
    throw missingError(wanted, 'names no program that can be started', cause)
  })
  const [banner, probe] = await Promise.all([ask, findProbe(path, signal)])
  const text = banner.stdout.toString()
  const version = /^ffmpeg version (\S+)/m.exec(text)?.[1]
  if (version === undefined) {
    // A library of it is missing, or it is another program.
    throw missingError(
      wanted,
      'names a program that is no ffmpeg, or does not run',
      toError(banner),
    )
  }
  const soxr = /--enable-libsoxr\b/.test(text)
  const nvenc = mayHaveNvidia() && (await worksWithNvenc(path, signal))
  return { path, version, soxr, nvenc, ...(probe && { probe }) }
}

function missingError(wanted: string | undefined, why: string, cause: unknown): WorkerError {
  const message =
    wanted === undefined
      ? 'no ffmpeg that runs was found: install it (apt-get install ffmpeg) or set FFMPEG_PATH'
      : `FFMPEG_PATH ("${basename(wanted)}") ${why}: ` +
        'mend it, or unset it and install ffmpeg (apt-get install ffmpeg)'
  return new WorkerError('FFMPEG_MISSING', message, { cause })
}

async function worksWithNvenc(path: string, signal: AbortSignal): Promise<boolean> {
  const picture = ['-f', 'lavfi', '-i', 'color=s=256x256:d=0.04']
  const trial = ['-v', 'error', ...picture, '-c:v', 'h264_nvenc', '-f', 'null', '-']
  return (await runToEnd(path, trial, signal)).code === 0
}

/** Signs of an NVIDIA driver on Linux; the last is that of Linux in Windows. */
const DRIVER = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg']

/** Without a driver a trial need not be started. */
const mayHaveNvidia = (): boolean =>
  process.platform !== 'linux' || DRIVER.some((path) => existsSync(path))

/** A program's path. All are started with an empty environment, so only here does PATH count. */
async function which(program: string, signal: AbortSignal): Promise<string | undefined> {
  if (program.includes('/')) return program
  const search = promisify(execFile)('sh', ['-c', 'command -v "$0"', program], { signal })
  const found = await search.catch(() => undefined) // not there; or no shell, then nothing is
  signal.throwIfAborted()
  return found?.stdout.trim() || undefined
}

/** ffmpeg-static's types do not match its CommonJS export, and its download may not have happened. */
function staticBinary(): string | undefined {
  try {
    const path = createRequire(import.meta.url)('ffmpeg-static') as string | null
    return path && existsSync(path) ? path : undefined
  } catch {
    return undefined // an optional dependency that is not installed
  }
}

async function findProbe(ffmpeg: string, signal: AbortSignal): Promise<string | undefined> {
  const beside = join(dirname(ffmpeg), 'ffprobe')
  const path = existsSync(beside) ? beside : await which('ffprobe', signal)
  if (!path) return undefined
  const works = await runToEnd(path, ['-version'], signal).then(
    ({ code }) => code === 0,
    () => false,
  )
  signal.throwIfAborted()
  return works ? path : undefined
}
