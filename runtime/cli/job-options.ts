import { readFile } from 'node:fs/promises'
import { isObject } from '../../handler/job/job-problems.ts'
import { decodeJsonText } from '../../handler/net/json-text.ts'
import { UsageError, type OptionValues } from './command.ts'

/** What describes a job, wherever it is rendered. */
export const JOB_OPTIONS = {
  video: { type: 'string', value: 'FILE', help: 'video or still with the face' },
  audio: { type: 'string', value: 'FILE', help: 'recording of the speech' },
  job: { type: 'string', value: 'FILE', help: 'job as JSON; the options beside it win' },
  trim: {
    type: 'string',
    value: 'FROM:TO',
    help: 'seconds of the video that make the result: 2:12.5, 2: or :12.5',
  },
  speech: {
    type: 'string',
    value: 'FROM:TO',
    help: 'seconds of the recording that are spoken',
  },
  segments: {
    type: 'string',
    value: 'FROM:TO:FILE,…',
    help: 'the only seconds that speak, each with its recording',
  },
  sound: {
    type: 'string',
    value: 'WHAT',
    help: "the source's own sound: replace (default), keep, or how many dB quieter it is kept: -15",
  },
  loudness: { type: 'string', value: 'LUFS', help: 'loudness of the result by EBU R 128: -16' },
  face: {
    type: 'string',
    value: 'WHOSE',
    help: "largest (default) or speaking: whose lips move with the source's sound",
  },
  'face-at': {
    type: 'string',
    value: 'X,Y[@N]',
    help: 'the person at this point of frame N (default: 0) speaks',
  },
  length: {
    type: 'string',
    value: 'WHAT',
    help: 'audio (default), video, shortest, longest, loop or remap',
  },
  'loop-cut': {
    type: 'string',
    value: 'WHAT',
    help: 'with --length loop: hard (default), or soft: the last picture fades into the first ones',
  },
  silence: {
    type: 'string',
    value: 'WHAT',
    help: 'model (default) or source: pauses show the untouched source',
  },
  fps: {
    type: 'string',
    value: 'N',
    help: "frames per second of the result (default: the source's)",
  },
  crf: { type: 'string', value: 'N', help: 'quality of the result, 10 to 35 (default: 17)' },
  format: {
    type: 'string',
    value: 'WHAT',
    help: 'mp4, webm or mov with alpha (default: as --out ends, else mp4)',
  },
  codec: {
    type: 'string',
    value: 'WHAT',
    help: 'h264 (default), hevc or av1 in mp4; vp9 (default) or av1 in webm',
  },
  poster: { type: 'string', value: 'AT', help: 'a JPEG of the result at this second, beside it' },
  preview: {
    type: 'string',
    value: 'WHAT',
    help: 'webp or gif: a short animation beside the result',
  },
  bitrate: {
    type: 'string',
    value: 'KBPS',
    help: 'source, or kilobits a second of the pictures, instead of --crf',
  },
  provenance: {
    type: 'string',
    value: 'WHAT',
    help: 'yes or no: whether the result says that a model has drawn in it (default: PROVENANCE)',
  },
} as const

export type JobOptionValues = OptionValues<typeof JOB_OPTIONS>

/**
 * The job that a command line describes.
 * @param out where its result shall go, if that was said: a name may say its format
 * @throws UsageError naming the option that cannot be read
 */
export async function jobOf(
  values: JobOptionValues,
  out: string | undefined,
): Promise<Record<string, unknown>> {
  const {
    job: file,
    video,
    audio,
    trim,
    speech,
    segments,
    sound,
    loudness,
    length,
    silence,
    fps,
  } = values
  if (!file && !(video && (audio || segments))) {
    throw new UsageError('--video and --audio are needed, or --job')
  }
  const fromFile = file ? await readJobFile(file) : {}
  return {
    ...fromFile,
    ...(video && { video }),
    ...(audio && { audio }),
    ...(trim && { trim: parseSpan('trim', trim) }),
    ...(speech && { speech: parseSpan('speech', speech) }),
    ...(segments && { segments: segments.split(',').map(parseSegment) }),
    ...(sound && { sound: parseSound(sound) }),
    ...(loudness && { loudness: parseNumber('loudness', loudness) }),
    ...(values.face && { face: values.face }),
    ...(values['face-at'] && { face: parsePoint(values['face-at']) }),
    ...(length && { length }),
    ...(values['loop-cut'] && { loop_cut: values['loop-cut'] }),
    ...(silence && { silence }),
    ...(fps && { fps: parseNumber('fps', fps) }),
    ...outputOf(values, out, fromFile['output']),
  }
}

/** What the options say of the result, beside what the job's file does; a name may say its format. */
function outputOf(
  { crf, bitrate, format, codec, poster, preview, provenance }: JobOptionValues,
  out: string | undefined,
  given: unknown,
) {
  const output: Record<string, unknown> = {
    ...(given as Record<string, unknown> | undefined),
    ...(crf && { crf: parseNumber('crf', crf) }),
    ...(bitrate && {
      bitrate: bitrate === 'source' ? bitrate : parseNumber('bitrate', bitrate),
    }),
    ...(format && { format }),
    ...(codec && { codec }),
    ...(poster && { poster: { at: parseNumber('poster', poster) } }),
    ...(preview && { preview: { format: preview } }),
    ...(provenance && { provenance: parseYesNo('provenance', provenance) }),
  }
  const isOpen = output['format'] === undefined && output['lossless'] !== true
  const [, ending] = /\.(webm|mov)$/i.exec(out ?? '') ?? []
  if (isOpen && ending) return { output: { ...output, format: ending.toLowerCase() } }
  return Object.keys(output).length > 0 && { output }
}

async function readJobFile(file: string): Promise<Record<string, unknown>> {
  const job = await readJson(file)
  if (isObject(job)) return job
  throw new UsageError(`the job file must hold an object, not ${JSON.stringify(job).slice(0, 40)}`)
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(decodeJsonText(await readFile(file)))
  } catch (error) {
    throw new UsageError(`cannot read the job file: ${(error as Error).message}`)
  }
}

/** FROM:TO in seconds, either of which may be left out. */
function parseSpan(name: string, text: string): { from?: number; to?: number } {
  const [from, to, more] = text.split(':')
  if (to === undefined || more !== undefined) {
    throw new UsageError(`--${name} needs FROM:TO in seconds, not "${text}"`)
  }
  return {
    ...(from && { from: parseNumber(name, from) }),
    ...(to && { to: parseNumber(name, to) }),
  }
}

/** FROM:TO:FILE; without a file it speaks the recording of --audio. */
function parseSegment(text: string) {
  const [, from, to, audio] = /^([\d.]+):([\d.]+)(?::(.+))?$/s.exec(text) ?? []
  if (to === undefined) throw new UsageError(`--segments needs FROM:TO:FILE, not "${text}"`)
  return {
    ...{ from: parseNumber('segments', from!), to: parseNumber('segments', to) },
    ...(audio && { audio }),
  }
}

const parseSound = (text: string) =>
  text === 'replace' || text === 'keep' ? text : { keep_db: parseNumber('sound', text) }

/** X,Y in pixels, with @N the frame that they are of. */
function parsePoint(text: string): { at: number[]; frame?: number } {
  const [, x, y, frame] = /^([\d.]+),([\d.]+)(?:@(\d+))?$/.exec(text) ?? []
  if (x === undefined) {
    throw new UsageError(`--face-at needs X,Y or X,Y@FRAME in pixels, not "${text}"`)
  }
  const at = [parseNumber('face-at', x), parseNumber('face-at', y!)]
  return { at, ...(frame !== undefined && { frame: Number(frame) }) }
}

function parseYesNo(name: string, text: string): boolean {
  if (text === 'yes' || text === 'no') return text === 'yes'
  throw new UsageError(`--${name} needs yes or no, not "${text}"`)
}

function parseNumber(name: string, text: string): number {
  const number = Number(text)
  if (Number.isNaN(number)) throw new UsageError(`--${name} needs a number, not "${text}"`)
  return number
}
