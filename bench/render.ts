// What a render costs: milliseconds per frame of each stage, real-time factor, peak memory of all
// processes. Prints a table and asserts nothing. `npm run bench`, with SHARED_DIR also on real clips.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { JobResult } from '../handler/events/job-events.ts'
import { measureProcessTree } from './process-tree.ts'

const root = resolve(import.meta.dirname, '..')
const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg'
const shared = process.env.SHARED_DIR ?? join(root, '../shared')
const dir = await mkdtemp(join(tmpdir(), 'musetalk-bench-'))

const make = (args: string[], name: string): string => {
  const file = join(dir, name)
  execFileSync(ffmpeg, ['-v', 'error', ...args, '-y', file])
  return file
}

/** The embedded portrait on a canvas, drifting slowly, as an ordinary H.264 video. */
function portrait(width: number, height: number, seconds: number): string {
  const drift = `crop=iw-32:ih-32:16+14*sin(t):16+14*cos(0.7*t)`
  const fit = `scale=-2:${height + 32},${drift},pad=${width}:${height}:(ow-iw)/2:0:0x808890`
  const square = `scale=${width + 32}:${height + 32},${drift}`
  const input = [
    '-loop',
    '1',
    '-r',
    '25',
    '-t',
    String(seconds),
    '-i',
    join(root, 'demo/portrait.png'),
  ]
  const filter = width === height ? square : fit
  const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
  return make([...input, '-vf', filter, ...encode], `${width}x${height}-${seconds}.mp4`)
}

const speech = (seconds: number): string =>
  make(
    ['-stream_loop', '-1', '-i', join(root, 'demo/speech.wav'), '-t', String(seconds)],
    `speech-${seconds}.wav`,
  )

async function row(name: string, video: string, audio: string): Promise<void> {
  const main = [join(root, 'runtime/main.ts'), 'run', '--json', '--out', join(dir, 'out.mp4')]
  const run = await measureProcessTree(process.execPath, [
    ...main,
    '--video',
    video,
    '--audio',
    audio,
  ])
  const { frames, duration_sec, stage_times } = JSON.parse(run.stdout) as JobResult
  const perFrame = Object.entries(stage_times)
    .filter(([stage]) => stage !== 'download' && stage !== 'upload')
    .map(([, seconds]) => ((seconds * 1000) / frames).toFixed(2).padStart(9))
  const factor = (run.wall / duration_sec).toFixed(2).padStart(9)
  console.log(name.padEnd(28), ...perFrame, factor, String(run.peakMb).padStart(8))
}

console.log(`${cpus().length} cores (${cpus()[0]?.model}), load ${loadavg()[0]?.toFixed(1)}`)
const columns = [
  'probe',
  'speech',
  'avatar',
  'generate',
  'composite',
  'encode',
  'rt factor',
  'peak MB',
]
console.log(
  'ms per output frame'.padEnd(28),
  ...columns.map((c) => c.padStart(c === 'peak MB' ? 8 : 9)),
)
try {
  await row('512x512, 10 s', portrait(512, 512, 10), speech(10))
  await row('1280x720, 10 s', portrait(1280, 720, 10), speech(10))
  await row('1920x1080, 10 s', portrait(1920, 1080, 10), speech(10))
  await row('1280x720, 120 s', portrait(1280, 720, 120), speech(120))
  await row('1280x720, 10 s clip, 120 s', portrait(1280, 720, 10), speech(120))
  const clip = join(shared, 'media/sun.mp4')
  if (existsSync(clip)) await row('sun.mp4 + eng.wav, 60 s', clip, join(shared, 'media/eng.wav'))
} finally {
  await rm(dir, { recursive: true, force: true })
}
