// What the pipeline leaves of a card: the product with MuseTalk's graphs replaced by their costs on one
// (`simulated/card.ts`), so that whatever the card waits for is ours. Prints a table, keeps it with the
// commit in bench/results/, asserts nothing. `npm run bench:gpu -- --help` says how to run a part of it.
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mediaMaker } from './portrait-media.ts'
import { COSTS } from './simulated/card.ts'
import { measureJobs, type Outcome } from './simulated/job.ts'

const HELP = `npm run bench:gpu -- [options]
  --sizes 576x768,1280x720,1920x1080   frames of the made videos
  --video FILE                         this video instead, of the first size
  --speed 1                            times as fast as an RTX 4090
  --only parse                         rows whose name holds this
  --jobs 1x20,8x5                      jobs and their seconds
  --slots 2                            jobs that are handled at once
  --stream                             jobs with output.stream
  --threads                            what each thread burns, below each row
  --keep                               write bench/results/gpu-COMMIT.json`

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '576x768,1280x720,1920x1080' },
    video: { type: 'string' },
    speed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1x20,8x5' },
    slots: { type: 'string', default: '2' },
    stream: { type: 'boolean', default: false },
    threads: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

interface Row extends Outcome {
  name: string
}

const ffmpeg = process.env.FFMPEG_PATH
const dir = await mkdtemp(join(tmpdir(), 'musetalk-bench-'))
const media = mediaMaker(dir, ffmpeg)
const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim()

async function* rows(): AsyncGenerator<Row> {
  for (const load of options.jobs.split(',')) {
    const [jobs, seconds] = load.split('x').map(Number) as [number, number]
    const audio = media.speech(seconds)
    for (const size of options.sizes.split(',')) {
      const [width, height] = size.split('x').map(Number) as [number, number]
      const video = options.video ?? media.portrait(width, height, seconds)
      for (const parse of [true, false]) {
        for (const compat of [false, true]) {
          const words = [`${load} s`, size, parse && 'parse', compat && 'compat']
          const name = words.filter(Boolean).join(' ')
          if (!name.includes(options.only)) continue
          const simulation = { speed: Number(options.speed), parse, width, height }
          const slots = Number(options.slots)
          const setup = { simulation, video, audio, jobs, slots, compat, stream: options.stream }
          yield { name, ...(await measureJobs({ ...setup, ...(ffmpeg && { ffmpeg }) })) }
        }
      }
    }
  }
}

const COLUMNS: [string, (row: Row) => string][] = [
  ['busy', (row) => row.share.toFixed(2)],
  ['fps', (row) => row.fps.toFixed(1)],
  ['own ms', (row) => row.ownMs.toFixed(1)],
  ['card ms', (row) => row.cardMs.toFixed(1)],
  ['ffmpeg ms', (row) => row.ffmpegMs.toFixed(1)],
  ['first s', (row) => row.firstS.toFixed(2)],
  ['tail s', (row) => row.tailS.toFixed(2)],
  ['MB', (row) => row.peakMb.toFixed(0)],
  ['face', (row) => batch(row, 'face')],
  ['encode', (row) => batch(row, 'encode')],
  ['parse', (row) => batch(row, 'parse')],
  ['generate', (row) => batch(row, 'generate')],
]
const batch = (row: Row, graph: string) => row.graphs[graph]?.batch.toFixed(1) ?? '-'
const threadsOf = (row: Row) =>
  Object.entries(row.threadMs)
    .filter(([, ms]) => ms >= 0.05)
    .map(([name, ms]) => `  ${name} ${ms.toFixed(2)}`)
    .join('')
const line = (name: string, cells: string[]) =>
  console.log(name.padEnd(34), ...cells.map((cell) => cell.padStart(9)))

if (options.help) console.log(HELP)
else {
  const machine = `${cpus().length} cores (${cpus()[0]?.model})`
  console.log(`${machine}, load ${loadavg()[0]!.toFixed(1)}, card ${options.speed} x 4090`)
  line(
    'busy share; CPU per frame; batches',
    COLUMNS.map(([title]) => title),
  )
  try {
    const all: (Row & { load: number })[] = []
    for await (const row of rows()) {
      all.push({ ...row, load: loadavg()[0]! })
      line(
        row.name,
        COLUMNS.map(([, cell]) => cell(row)),
      )
      if (options.threads) console.log(threadsOf(row))
    }
    if (options.keep) await keep(machine, all)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function keep(machine: string, all: Row[]): Promise<void> {
  const commit = git('rev-parse', '--short', 'HEAD')
  const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
  const folder = join(import.meta.dirname, 'results')
  const facts = { commit, changed, at: new Date().toISOString(), machine, costs: COSTS, options }
  await mkdir(folder, { recursive: true })
  const file = join(folder, `gpu-${commit}.json`)
  await writeFile(file, `${JSON.stringify({ ...facts, rows: all }, rounded, 1)}\n`)
  console.log(`kept in ${file}`)
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value
}
