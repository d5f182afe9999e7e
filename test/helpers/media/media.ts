import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { findFfmpeg } from '../../../handler/render/media/find-ffmpeg.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { drawScene, FACE, lip, SIZE, stripe } from './scene.ts'

let found: Promise<Ffmpeg> | undefined

/** The ffmpeg that the worker would find; looked for once in a process. */
export const testFfmpeg = (): Promise<Ffmpeg> =>
  (found ??= findFfmpeg(process.env['FFMPEG_PATH'] || undefined, AbortSignal.timeout(300_000)))

export interface Folder extends AsyncDisposable {
  path: string
  file(name: string): string
}

/** A folder that is gone at the end of the block. */
export async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'musetalk-test-'))
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Run ffmpeg to its end; returns what it wrote to stdout, and as text to pipe 3. Throws where it fails. */
export async function ffmpeg(
  path: string,
  args: readonly string[],
  input?: Iterable<Uint8Array>,
): Promise<{ stdout: Buffer; stderr: string; extra: string }> {
  const child = spawn(path, ['-hide_banner', '-nostdin', '-y', ...args], {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  let [stderr, extra] = ['', '']
  child.stdout!.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk))
  child.stdio[3]!.on('data', (chunk: Buffer) => (extra += chunk))
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject)
  })
  child.stdin?.on('error', () => {})
  for (const chunk of input ?? []) child.stdin!.write(chunk)
  child.stdin?.end()
  const code = await closed
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')}\nended with ${code}: ${stderr}`)
  return { stdout: Buffer.concat(out), stderr, extra }
}

export interface VideoOptions {
  width?: number
  height?: number
  /** As ffmpeg reads it: 25, 30000/1001. */
  fps?: string
  frames?: number
  /** Where the faces are in frame i. */
  faces?: (i: number) => readonly Box[]
  /** Filters before the encoder. */
  filter?: string
  /** Encoder and container arguments; x264 without loss where left out. */
  encode?: readonly string[]
}

export const LOSSLESS = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-qp',
  '0',
  '-pix_fmt',
  'yuv420p',
]
/** Like LOSSLESS, but in a profile that every decoder has. */
export const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '8', '-pix_fmt', 'yuv420p']

/** What ffmpeg made of something in this process: starting it costs more than all else in a small test. */
const made = new Map<string, Buffer>()
const MADE_BYTES = 20e6

/** Write a file that ffmpeg makes of `args` and `input`; of the same ones once in a process. */
async function makeOnce(
  path: string,
  args: readonly string[],
  file: string,
  input: readonly Uint8Array[] = [],
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([path, args, extname(file)]))
  for (const bytes of input) hash.update(bytes)
  const key = hash.digest('hex')
  const known = made.get(key)
  if (known) await writeFile(file, known)
  else {
    await ffmpeg(path, ['-v', 'error', ...args, file], input.length > 0 ? input : undefined)
    if ((await stat(file)).size < MADE_BYTES) made.set(key, await readFile(file))
  }
  return file
}

/** A video of scenes (see scene.ts), frame i with code i & 255. */
export async function makeVideo(
  { path }: Ffmpeg,
  file: string,
  options: VideoOptions = {},
): Promise<string> {
  const { width = SIZE.width, height = SIZE.height, fps = '25', frames = 25 } = options
  const faces = options.faces ?? (() => [FACE])
  const scenes = Array.from({ length: frames }, (_, i) =>
    drawScene({ width, height, faces: faces(i), code: i & 255 }),
  )
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', fps]
  const filter = options.filter ? ['-vf', options.filter] : []
  const args = [...raw, '-i', 'pipe:0', ...filter, ...(options.encode ?? H264)]
  return makeOnce(path, args, file, scenes)
}

/** A tone; `options` are encoder arguments. */
export async function makeSound(
  { path }: Ffmpeg,
  file: string,
  seconds: number,
  options: readonly string[] = [],
  source = `sine=frequency=220:sample_rate=16000:duration=${seconds}`,
): Promise<string> {
  return makeOnce(path, ['-f', 'lavfi', '-i', source, ...options], file)
}

/** The recording with a picture, as songs have one. */
export async function addCover({ path }: Ffmpeg, sound: string, file: string): Promise<string> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=200x200:d=0.04']
  const maps = ['-map', '0:a', '-map', '1:v', '-c:v', 'png', '-id3v2_version', '3']
  await ffmpeg(path, ['-i', sound, ...picture, ...maps, '-disposition:v', 'attached_pic', file])
  return file
}

/** A video as a player sees it. */
export interface Video {
  width: number
  height: number
  frames: number
  fps: number
  /** ffmpeg's own description of the picture stream: tags, pixel format, rate. */
  line: string
  hasAudio: boolean
  /** Of the decoded sound. */
  audioS: number
  /** Presentation time of each frame, seconds. */
  times: number[]
  /** Planar 4:2:0, decoded as it is. */
  data: Buffer
  /** Y, U and V at a pixel. */
  pixel(frame: number, x: number, y: number): [number, number, number]
}

export async function readVideo({ path }: Ffmpeg, file: string): Promise<Video> {
  // One process for all: starting it costs more than what it does here.
  const frames = ['-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'rawvideo']
  const packets = ['-map', '0:v:0', '-map', '0:a:0?', '-c:v', 'copy', '-ac', '1', '-ar', '48000']
  const {
    stdout: data,
    stderr,
    extra,
  } = await ffmpeg(path, [
    ...['-i', file, ...frames, '-pix_fmt', 'yuv420p', 'pipe:1'],
    ...[...packets, '-c:a', 'pcm_s16le', '-f', 'framecrc', 'pipe:3'],
  ])
  const line = /Stream #0:\d.*Video: .*/.exec(stderr)?.[0] ?? ''
  const [, width = 0, height = 0] = (/Video: rawvideo.*?, (\d+)x(\d+)/.exec(stderr) ?? []).map(
    Number,
  )
  const size = (width * height * 3) / 2
  const [, num = 1, den = 1] = (/#tb 0: (\d+)\/(\d+)/.exec(extra) ?? []).map(Number)
  const table = [...extra.matchAll(/^(\d), *-?\d+, *(-?\d+), *\d+, *(\d+),/gm)].map((match) =>
    match.slice(1).map(Number),
  )
  const packetsOf = (stream: number) => table.filter(([of]) => of === stream)
  const times = packetsOf(0).map(([, time]) => (time! * num) / den)
  const soundBytes = packetsOf(1).reduce((sum, [, , bytes]) => sum + bytes!, 0)
  return {
    width,
    height,
    frames: data.length / size,
    fps: Number(/ ([\d.]+) fps/.exec(line)?.[1]),
    line,
    hasAudio: /Stream #0:\d.*Audio:/.test(stderr),
    audioS: soundBytes / 2 / 48_000,
    times: times.toSorted((a, b) => a - b),
    data,
    pixel(frame, x, y) {
      const luma = frame * size + y * width + x
      const chroma = frame * size + width * height + (y >> 1) * (width >> 1) + (x >> 1)
      return [data[luma]!, data[chroma]!, data[chroma + (width * height) / 4]!]
    },
  }
}

/** The code of the source frame that each frame of a result shows. */
export function shownCodes(video: Video): number[] {
  return Array.from({ length: video.frames }, (_, i) =>
    bits((bit) => video.pixel(i, ...stripe(video.width, video.height, bit))[0] < 80),
  )
}

/**
 * The code that the mouth of each frame is painted with; undefined where there is no paint.
 * @param box where the crop lies (face and chin margin)
 */
export function drawnCodes(video: Video, [x1, y1, x2, y2]: Box): (number | undefined)[] {
  const at = (frame: number, bit: number) => {
    const [x, y] = lip(bit)
    return video.pixel(frame, Math.round(x1 + x * (x2 - x1)), Math.round(y1 + y * (y2 - y1)))
  }
  return Array.from({ length: video.frames }, (_, i) => {
    const painted = at(i, 3).some((value, k) => k > 0 && Math.abs(value - 128) > 40)
    return painted ? bits((bit) => at(i, bit)[0] < 90) : undefined
  })
}

/** The crop of FACE: with the chin margin. */
export const CROP: Box = [FACE[0], FACE[1], FACE[2], FACE[3] + 10]

function bits(set: (bit: number) => boolean): number {
  let code = 0
  for (let bit = 0; bit < 8; bit++) if (set(bit)) code |= 1 << bit
  return code
}
