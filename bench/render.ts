// What a render costs: milliseconds per frame of each stage, real-time factor, processor time, peak
// memory of all processes. Processor time per second of video is what a noisy machine does not spoil;
// beside it stands that of x264's preset "medium" on one thread for the same clip. Prints a table and
// asserts nothing. `npm run bench`, with SHARED_DIR also on real clips.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { JobResult } from '../handler/events/job-events.ts'
import { mediaMaker } from './portrait-media.ts'
import { measureProcessTree } from './process-tree.ts'

const root = resolve(import.meta.dirname, '..')
const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg'
const shared = process.env.SHARED_DIR ?? join(root, '../shared')
const dir = await mkdtemp(join(tmpdir(), 'musetalk-bench-'))
const { portrait, speech } = mediaMaker(dir, ffmpeg)
const out = join(dir, 'out.mp4')
const program = join(root, 'bin/musetalk-worker.mjs')
/** No row is the first start of this version on this machine, which compiles the program. */
const codeCache = { NODE_COMPILE_CACHE: join(dir, 'code') }

/** @param cache a folder whose avatars are known; a new one where unset */
async function render(video: string, audio: string, cache?: string) {
  const main = [program, 'run', '--json', '--out', out]
  const env = { CACHE_DIR: cache ?? (await mkdtemp(join(dir, 'cache-'))), ...codeCache }
  const run = await measureProcessTree(
    process.execPath,
    [...main, '--video', video, '--audio', audio],
    env,
  )
  return { ...run, result: JSON.parse(run.stdout) as JobResult }
}

/** Seconds of processor time that x264 takes for the result, decoding included. */
async function medium(): Promise<number> {
  const encode = ['-an', '-c:v', 'libx264', '-preset', 'medium', '-threads', '1', '-f', 'null', '-']
  return (await measureProcessTree(ffmpeg, ['-nostdin', '-v', 'error', '-i', out, ...encode])).cpu
}

async function row(name: string, video: string, audio: string, cache?: string): Promise<void> {
  const { wall, cpu, peakMb, result } = await render(video, audio, cache)
  const { frames, duration_sec, stage_times } = result
  const stages = Object.entries(stage_times)
    .filter(([stage]) => stage !== 'download' && stage !== 'upload')
    .map(([, seconds]) => ((seconds * 1000) / frames).toFixed(2))
  const x264 = await medium()
  const perSecond = [cpu / duration_sec, x264 / duration_sec, cpu / x264]
  line(name, [...stages, ...[wall / duration_sec, ...perSecond].map(fixed), String(peakMb)])
}

const fixed = (value: number) => value.toFixed(2)
const line = (name: string, cells: string[]) =>
  console.log(name.padEnd(30), ...cells.map((cell) => cell.padStart(9)))

console.log(`${cpus().length} cores (${cpus()[0]?.model}), load ${loadavg()[0]?.toFixed(1)}`)
line('ms per output frame', [
  ...['probe', 'speech', 'avatar', 'generate', 'composite', 'encode'],
  ...['rt factor', 'CPU s/s', 'x264 s/s', 'ratio', 'peak MB'],
])
try {
  await render(portrait(512, 512, 1), speech(1))
  await row('512x512, 10 s', portrait(512, 512, 10), speech(10))
  const [known, filmed] = [await mkdtemp(join(dir, 'cache-')), await mkdtemp(join(dir, 'cache-'))]
  await row('1280x720, 10 s', portrait(1280, 720, 10), speech(10), known)
  await row('1280x720, 10 s, known avatar', portrait(1280, 720, 10), speech(10), known)
  await row('1280x720, 10 s, grain', portrait(1280, 720, 10, 'grain'), speech(10), filmed)
  await row('the same, known avatar', portrait(1280, 720, 10, 'grain'), speech(10), filmed)
  await row('1920x1080, 10 s', portrait(1920, 1080, 10), speech(10))
  await row('1280x720, 120 s', portrait(1280, 720, 120), speech(120))
  await row('1280x720, 10 s clip, 120 s', portrait(1280, 720, 10), speech(120))
  const clip = join(shared, 'media/sun.mp4')
  if (existsSync(clip)) await row('sun.mp4 + eng.wav, 60 s', clip, join(shared, 'media/eng.wav'))
} finally {
  await rm(dir, { recursive: true, force: true })
}
