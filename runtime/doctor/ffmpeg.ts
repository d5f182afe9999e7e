import { findFfmpeg } from '../../handler/render/media/find-ffmpeg.ts'
import { runToEnd, type Ffmpeg } from '../../handler/render/media/ffmpeg.ts'
import { WorkerError } from '../../handler/errors.ts'
import type { Config } from '../config/config.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'
import { hasDriver } from '../config/visible-gpus.ts'

/** ffmpeg, by what it does: an encoder that is listed may not work. */
export async function checkFfmpeg(
  { FFMPEG_PATH }: Pick<Config, 'FFMPEG_PATH'>,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  let ffmpeg: Ffmpeg
  try {
    ffmpeg = await findFfmpeg(FFMPEG_PATH, signal)
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    return [fail('ffmpeg', error.message, 'without ffmpeg no job can be rendered')]
  }
  const trial = ['-v', 'error', '-f', 'lavfi', '-i', 'color=s=64x64:d=0.04', '-c:v', 'libx264']
  const x264 = await runToEnd(ffmpeg.path, [...trial, '-f', 'null', '-'], signal)
  const which = `${ffmpeg.version} at ${ffmpeg.path}`
  if (x264.code !== 0) {
    const todo = 'install an ffmpeg with libx264 (Debian: apt-get install ffmpeg)'
    return [fail('ffmpeg', `${which} cannot encode H.264 with libx264`, todo)]
  }
  const lacks = [
    ...(ffmpeg.probe ? [] : ['ffprobe']),
    ...(ffmpeg.soxr ? [] : ['the soxr resampler']),
  ]
  const found = `${which}, libx264 works${ffmpeg.probe ? ', ffprobe found' : ''}`
  return [
    lacks.length === 0
      ? ok('ffmpeg', found)
      : warn('ffmpeg', `${found}; no ${lacks.join(', no ')}`, 'install a complete ffmpeg'),
    nvenc(ffmpeg),
  ]
}

function nvenc(ffmpeg: Ffmpeg): CheckResult {
  if (ffmpeg.nvenc) return ok('nvenc', 'a frame was encoded on the GPU')
  if (!hasDriver()) return ok('nvenc', 'none, as there is no NVIDIA driver: the CPU encodes')
  const todo = 'start the container with NVIDIA_DRIVER_CAPABILITIES=compute,utility,video'
  return warn('nvenc', 'there is a driver, but no frame could be encoded: the CPU encodes', todo)
}
