import { nearestStandardRate } from '../frame-rate.ts'
import type { ColorTags, Rate, ProbeResult, StreamInfo } from '../media-info.ts'

type Json = Record<string, any>

/** ffprobe's `-of json -show_format -show_streams`; no format where it could not open the file. */
export function parseFfprobeJson(text: string): ProbeResult {
  const { format = {}, streams = [] } = parsed(text)
  return {
    format: String(format.format_name ?? ''),
    ...omitUndefined({ startS: number(format.start_time), durationS: number(format.duration) }),
    streams: (streams as Json[]).map(readStream),
  }
}

/** ffprobe leaves half an object behind where it gives up. */
function parsed(text: string): Json {
  try {
    return (JSON.parse(text) as Json | null) ?? {}
  } catch {
    return {}
  }
}

function readStream(s: Json, index: number): StreamInfo {
  const sideData = (s.side_data_list ?? []) as Json[]
  const matrix = sideData.find((item) => item.rotation !== undefined)
  const aspect = fraction(s.sample_aspect_ratio, ':')
  return {
    index: number(s.index) ?? index,
    kind: s.codec_type === 'video' || s.codec_type === 'audio' ? s.codec_type : 'other',
    ...omitUndefined({
      codec: s.codec_name,
      byDefault: s.disposition?.default === 1,
      cover: s.disposition?.attached_pic === 1,
      width: number(s.width),
      height: number(s.height),
      pixelFormat: s.pix_fmt,
      aspect: aspect && aspect.num / aspect.den,
      rotation: matrix ? -Number(matrix.rotation) : number(s.tags?.rotate),
      mirrored: isMirrored(matrix?.displaymatrix) || undefined,
      interlaced: ['tt', 'bb', 'tb', 'bt'].includes(s.field_order),
      average: fraction(s.avg_frame_rate, '/'),
      base: fraction(s.r_frame_rate, '/'),
      frames: number(s.nb_frames),
      startS: number(s.start_time),
      durationS: number(s.duration) ?? seconds(s.tags?.DURATION),
      channels: number(s.channels),
      sampleRate: number(s.sample_rate),
    }),
    color: colorTagsFrom(s.color_range, s.color_space, s.color_primaries, s.color_transfer),
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A display matrix as ffprobe dumps it, `00000000: a b u` and so on: mirrored where it turns the plane over. */
function isMirrored(dump: unknown): boolean {
  const rows = [...textOf(dump).matchAll(/:\s*(-?\d+)\s+(-?\d+)/g)]
  const [[a = 0, b = 0] = [], [c = 0, d = 0] = []] = rows.map((row) => row.slice(1).map(Number))
  return a * d - b * c < 0
}

/** Matroska's tag: `00:00:05.280000000`. */
function seconds(clock: unknown): number | undefined {
  const [, h, m, s] = /^(\d+):(\d+):(\d+\.?\d*)/.exec(textOf(clock)) ?? []
  return h === undefined ? undefined : Number(h) * 3600 + Number(m) * 60 + Number(s)
}

/**
 * The report that `ffmpeg -i FILE` prints, for machines without ffprobe. It gives the same facts but
 * for a stream's own start (newer ones do), and rates only to two digits (so the nearest standard
 * rate is meant).
 */
export function parseFfmpegBanner(text: string): ProbeResult {
  const format = /^Input #0, (.+), from /m.exec(text)?.[1] ?? ''
  const clock = /Duration: (\d+:\d+:\d+\.\d+)/.exec(text)
  const start = /Duration: [^\n]*start: (-?[\d.]+)/.exec(text)
  const blocks = text.split(/^\s+Stream #0:/m).slice(1)
  return {
    format,
    ...omitUndefined({
      startS: number(start?.[1]),
      durationS: seconds(clock?.[1]),
    }),
    streams: blocks.map(readStreamText),
  }
}

function readStreamText(block: string): StreamInfo {
  const [line = ''] = block.split('\n', 1)
  const kind = /: (Video|Audio): (\w+)/.exec(line)
  const byDefault = / \(default\)/.test(line)
  const index = Number.parseInt(block, 10)
  if (!kind) return { index, kind: 'other' }
  if (kind[1] === 'Audio') {
    const layout = / Hz, (mono|stereo|\d+ channels)/.exec(line)?.[1]
    const channels = layout === 'mono' ? 1 : layout === 'stereo' ? 2 : number(layout)
    const sampleRate = number(/, (\d+) Hz/.exec(line)?.[1])
    const codec = kind[2]!
    return { index, kind: 'audio', codec, byDefault, ...omitUndefined({ channels, sampleRate }) }
  }
  const size = /, (\d+)x(\d+)/.exec(line) // not the codec's tag, 0x31637661
  const pixels = /, (\w+)\(([^)]*)\), \d+x|, (\w+), \d+x/.exec(line)
  const notes = (pixels?.[2] ?? '').split(/,\s*/)
  const aspect = /SAR (\d+):(\d+)/.exec(line)
  const turn = /rotation of (-?[\d.]+)/.exec(block)
  const spaces = notes.find((note) => note.includes('/'))?.split('/')
  const single = notes.find((note) => /^(bt|smpte|gbr|fcc|ycgco)/.test(note) && !note.includes('/'))
  const range = notes.find((note) => note === 'tv' || note === 'pc')
  const [matrix, primaries, transfer] = spaces ?? [single, single, single]
  return {
    index,
    kind: 'video',
    codec: kind[2]!,
    byDefault,
    ...omitUndefined({
      cover: line.includes('(attached pic)'),
      width: number(size?.[1]),
      height: number(size?.[2]),
      pixelFormat: pixels?.[1] ?? pixels?.[3],
      aspect: aspect ? Number(aspect[1]) / Number(aspect[2]) : undefined,
      rotation: turn ? -Number(turn[1]) : undefined,
      interlaced: notes.some((note) => /first|interlaced/.test(note)),
      average: nearestStandardRate(perSecond(/ ([\d.]+k?) fps/.exec(line)?.[1])),
      base: nearestStandardRate(perSecond(/ ([\d.]+k?) tbr/.exec(line)?.[1])),
      startS: number(/, start (-?[\d.]+)/.exec(line)?.[1]),
    }),
    color: colorTagsFrom(range, matrix, primaries, transfer),
  }
}

/** `90k` is 90 000. */
const perSecond = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number.parseFloat(text) * (text.endsWith('k') ? 1000 : 1)

/** `gbr` is no coding that 4:2:0 samples could have, whatever a file says. */
const UNTAGGED = ['unknown', 'reserved', 'unspecified', 'gbr', '']

function colorTagsFrom(
  range: unknown,
  matrix: unknown,
  primaries: unknown,
  transfer: unknown,
): ColorTags {
  const name = (value: unknown) =>
    typeof value === 'string' && !UNTAGGED.includes(value) ? value : undefined
  return omitUndefined({
    range: range === 'tv' || range === 'pc' ? range : undefined,
    matrix: name(matrix),
    primaries: name(primaries),
    transfer: name(transfer),
  })
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? Number.parseFloat(value) : value
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined
}

function fraction(value: unknown, separator: string): Rate | undefined {
  const [num, den] = typeof value === 'string' ? value.split(separator).map(Number) : []
  return num && den && num > 0 && den > 0 ? { num, den } : undefined
}

type Known<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
/** Only the fields that have a value. */
function omitUndefined<T extends object>(fields: T): Known<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as Known<T>
}
