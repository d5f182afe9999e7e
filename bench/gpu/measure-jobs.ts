// Whole jobs on this machine's card: measure-jobs.ts BUNDLE [cuda|cpu]. Prints JSON: frames per second, seconds per
// stage, and the share of time in which the driver says that the card works. The weights may be random, so
// jobs say where the face is.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { JobResult } from '../../handler/events/job-events.ts'
import { mediaMaker } from '../portrait-media.ts'
import { measureProcessTree } from '../process-tree.ts'

const [bundle = '', device = 'cuda'] = process.argv.slice(2)
const root = resolve(import.meta.dirname, '../..')
const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg'
const dir = await mkdtemp(join(tmpdir(), 'musetalk-gpu-'))
const { portrait, speech } = mediaMaker(dir, ffmpeg)
const JOBS =
  device === 'cpu'
    ? [{ width: 256, height: 256, seconds: 0.2 }]
    : [
        { width: 1280, height: 720, seconds: 20 },
        { width: 1920, height: 1080, seconds: 20 },
      ]

/** Samples of the card's use while something runs. */
function watchCard() {
  const query = ['--query-gpu=utilization.gpu,memory.used', '--format=csv,noheader,nounits']
  const child = spawn('nvidia-smi', [...query, '-lms', '100'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.on('error', () => {})
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk))
  return async () => {
    if (child.exitCode === null && child.pid !== undefined) {
      child.kill()
      await once(child, 'exit')
    }
    const rows = text.trim().split('\n').filter(Boolean)
    const samples = rows.map((line) => line.split(',').map(Number) as [number, number])
    // Before the models are loaded and after the last batch the card has nothing to do.
    const active = samples.slice(
      samples.findIndex(([use]) => use > 0),
      samples.findLastIndex(([use]) => use > 0) + 1,
    )
    const mean = active.reduce((sum, [use]) => sum + use, 0) / active.length
    return {
      busy: mean / 100 || null,
      card_mb: Math.max(0, ...samples.map(([, mb]) => mb)),
      samples: samples.length,
    }
  }
}

const results = []
try {
  for (const { width, height, seconds } of JOBS) {
    const side = Math.round(height * 0.35)
    const [x, y] = [Math.round((width - side) / 2), Math.round((height - side) / 2)]
    const boxes = Array.from({ length: Math.ceil(seconds * 25) + 25 }, () => [
      x,
      y,
      x + side,
      y + side,
    ])
    const job = { video: portrait(width, height, seconds), audio: speech(seconds), face: { boxes } }
    const file = join(dir, 'job.json')
    await writeFile(file, JSON.stringify(job))
    for (const pass of ['new video', 'known video']) {
      const args = [join(root, 'runtime/main.ts'), 'run', '--job', file, '--bundle', bundle]
      const stop = watchCard()
      const env = { CACHE_DIR: join(dir, `cache-${width}`), DEVICE: device }
      const { wall, cpu, peakMb, stdout } = await measureProcessTree(
        process.execPath,
        [...args, '--json', '--out', join(dir, 'out.mp4')],
        env,
      )
      const card = await stop()
      const { frames, stage_times, encoder, total_time } = JSON.parse(stdout) as JobResult & {
        encoder?: string
      }
      const fps = frames / total_time
      results.push({
        ...{
          width,
          height,
          pass,
          frames,
          wall_s: wall,
          total_s: total_time,
          fps,
          cpu_s: cpu,
          peak_mb: peakMb,
        },
        ...{ encoder: encoder ?? null, stage_times, ...card },
      })
    }
  }
} finally {
  await rm(dir, { recursive: true, force: true })
}
console.log(JSON.stringify(results, null, 1))
