// Whether a long job takes more memory or disk than a short one: one job after the other, each in
// processes of its own, with the networks of a card simulated (`simulated/card.ts`) and everything else
// the product's. Prints the largest sum of the resident memory of worker, engine and ffmpegs, and the
// most that the job's folder held. Asserts nothing. `npm run bench:memory -- --help` says how.
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MemoryJob, MemoryOutcome } from './memory-job.process.ts'
import { mediaMaker } from './portrait-media.ts'
import { measureProcessTree } from './process-tree.ts'

const HELP = `npm run bench:memory -- [options]
  --size 1920x1080
  --seconds 10,60,600   lengths of video and speech
  --clip 10             the video is so long at most, and plays to and fro
  --segments 32         not all is spoken but so many parts, over the video's own sound, which is kept
  --fps 5               of the result
  --speed 10            times as fast as an RTX 4090, so that a long job ends soon
  --no-stream           not with output.stream`

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    size: { type: 'string', default: '1920x1080' },
    seconds: { type: 'string', default: '10,60,600' },
    clip: { type: 'string' },
    segments: { type: 'string' },
    fps: { type: 'string' },
    speed: { type: 'string', default: '10' },
    stream: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
})

const line = (...cells: (string | number)[]) =>
  console.log(cells.map((cell) => String(cell).padStart(11)).join(''))

/** Parts of which each is spoken for half of its time, by the recording's own moments. */
const segmentsOf = (count: number, seconds: number) =>
  Array.from({ length: count }, (_, i) => {
    const from = (i * seconds) / count
    const to = from + seconds / count / 2
    return { from, to, speech: { from, to } }
  })

const fieldsOf = ({ segments, fps }: typeof options, seconds: number) => ({
  ...(segments && {
    ...{ segments: segmentsOf(Number(segments), seconds), sound: 'keep', length: 'longest' },
  }),
  ...(fps && { fps: Number(fps) }),
})

async function measure(dir: string): Promise<void> {
  const ffmpeg = process.env.FFMPEG_PATH
  const media = mediaMaker(dir, ffmpeg)
  const [width, height] = options.size.split('x').map(Number) as [number, number]
  const load = loadavg()[0]!.toFixed(1)
  console.log(`${cpus().length} cores, load ${load}, ${options.size}, ${options.fps ?? 25} fps`)
  line('seconds', 'frames', 'peak MB', 'engine MB', 'to first', 'disk MB', 'MB/min', 'result MB')
  let first: number | undefined
  for (const seconds of options.seconds.split(',').map(Number)) {
    const audio = media.speech(seconds)
    const clipS = Math.min(seconds, Number(options.clip ?? Infinity))
    const silent = media.repeated(media.portrait(width, height, Math.min(10, clipS)), clipS)
    const job: MemoryJob = {
      ...{ dir, stream: options.stream, audio, fields: fieldsOf(options, seconds) },
      video: options.segments ? media.withSound(silent, audio) : silent,
      simulation: { speed: Number(options.speed), parse: true, width, height },
      ...(ffmpeg !== undefined && { ffmpeg }),
    }
    const entry = join(import.meta.dirname, 'memory-job.process.ts')
    const run = await measureProcessTree(process.execPath, [entry, JSON.stringify(job)])
    const { frames, engineMb, diskMb, resultMb } = JSON.parse(run.stdout) as MemoryOutcome
    first ??= run.peakMb
    const rest = [(run.peakMb / first).toFixed(2), diskMb, ((diskMb * 60) / seconds).toFixed(0)]
    line(seconds, frames, run.peakMb, engineMb, ...rest, resultMb)
  }
}

if (options.help) console.log(HELP)
else {
  const dir = await mkdtemp(join(tmpdir(), 'musetalk-bench-'))
  try {
    await measure(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
