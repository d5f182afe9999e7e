import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WorkerError } from '../../errors.ts'
import type { RenderContext } from '../render-context.ts'
import { runToEnd, type Ffmpeg } from '../media/ffmpeg.ts'

/** What a finished file must hold. */
export interface PlannedOutput {
  width: number
  height: number
  /** Pictures, each of which is a packet. */
  frames: number
  /** Seconds of sound; a little less is what encoders do. Undefined: there is none. */
  soundS: number | undefined
}

/** What was found in a file; a number is missing where this machine's tools do not tell. */
interface FoundOutput {
  width?: number
  height?: number
  frames?: number
  soundS?: number
  /** Why it could not be read to its end. */
  problem?: string
}

const SOUND_TOLERANCE_S = 0.5
const SPARE_BYTES = 64 << 10 // a disk with less left is why

/**
 * Read a finished file's streams and count its packets, without decoding any: an encoder whose last
 * writes failed, or whose input went away, may end with success all the same.
 *
 * @throws WorkerError DISK_FULL, ENGINE_LOST where it is not what was planned
 */
export async function verifyOutput(
  file: string,
  planned: PlannedOutput,
  { ffmpeg, signal }: Pick<RenderContext, 'ffmpeg' | 'signal'>,
): Promise<void> {
  const mute = planned.soundS === undefined
  const found = ffmpeg.probe
    ? await countByFfprobe(ffmpeg.probe, file, mute, signal)
    : await countByFfmpeg(ffmpeg, file, mute, signal)
  const wrong = describeDifference(found, planned)
  if (wrong === undefined) return
  const { bavail, bsize } = await statfs(dirname(file))
  const full = bavail * bsize < SPARE_BYTES
  const message = `the finished file is not what was planned: ${wrong}`
  throw full
    ? new WorkerError('DISK_FULL', `the disk filled up: ${message}`)
    : new WorkerError('ENGINE_LOST', message)
}

function describeDifference(
  { problem, ...found }: FoundOutput,
  planned: PlannedOutput,
): string | undefined {
  if (problem !== undefined) return problem
  const wanted = planned.soundS ?? 0
  const { width = planned.width, height = planned.height, frames, soundS = wanted } = found
  if (width !== planned.width || height !== planned.height) {
    return `${width}x${height} px instead of ${planned.width}x${planned.height}`
  }
  if (frames !== planned.frames) return `${frames ?? 0} of ${planned.frames} pictures`
  const least = wanted * 0.98 - SOUND_TOLERANCE_S
  return soundS < least ? `${soundS.toFixed(1)} of ${wanted.toFixed(1)} s of sound` : undefined
}

const ENTRIES = 'stream=codec_type,width,height,duration,nb_read_packets:stream_tags=DURATION'

interface FoundStream extends Record<string, unknown> {
  tags?: { DURATION?: string }
}

async function countByFfprobe(
  ffprobe: string,
  file: string,
  mute: boolean,
  signal: AbortSignal,
): Promise<FoundOutput> {
  const args = ['-v', 'error', '-count_packets', '-show_entries', ENTRIES, '-of', 'json']
  const { code, stdout } = await runToEnd(ffprobe, [...args, `file:${file}`], signal)
  if (code !== 0) return { problem: 'it cannot be read' }
  const { streams = [] } = JSON.parse(stdout.toString()) as {
    streams?: FoundStream[]
  }
  const streamOf = (type: string) => streams.find(({ codec_type }) => codec_type === type)
  const [video, audio] = [streamOf('video'), streamOf('audio')]
  if (!video || (!audio && !mute)) return { problem: `it has no ${video ? 'sound' : 'pictures'}` }
  const packets = Number(audio?.['nb_read_packets'] ?? 0)
  const seconds =
    packets === 0 ? 0 : Number(audio?.['duration'] ?? secondsOf(audio?.tags?.DURATION))
  return {
    width: Number(video['width']),
    height: Number(video['height']),
    frames: Number(video['nb_read_packets'] ?? 0),
    ...(Number.isFinite(seconds) && { soundS: seconds }),
  }
}

/** Matroska tells how long a track is by a tag: 00:00:01.008000000. */
const secondsOf = (clock = ''): number => {
  const [, hours, minutes, seconds] = /^(\d+):(\d+):([\d.]+)$/.exec(clock) ?? []
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** Where there is no ffprobe: the same walk, which tells less. */
async function countByFfmpeg(
  { path }: Ffmpeg,
  file: string,
  mute: boolean,
  signal: AbortSignal,
): Promise<FoundOutput> {
  const streams = ['-map', '0:v:0', ...(mute ? [] : ['-map', '0:a:0'])]
  const copy = [...streams, '-c', 'copy', '-f', 'null', '-']
  const quiet = ['-nostdin', '-v', 'error', '-progress', 'pipe:1', '-nostats']
  const { code, stdout } = await runToEnd(path, [...quiet, '-i', `file:${file}`, ...copy], signal)
  if (code !== 0) return { problem: 'it cannot be read, or has no pictures or no sound' }
  return { frames: Number(/.*^frame=\s*(\d+)/ms.exec(stdout.toString())?.[1] ?? 0) }
}
