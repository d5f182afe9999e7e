// The figures of bench/gpu/run.sh as Markdown tables: report.ts FOLDER, which holds graphs.json, torch.json, jobs.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Row {
  batch: number
  first_ms?: number
  ms?: number
  per_s?: number
  card_mb: number | null
  error?: string
}
interface GraphReport {
  device: string
  from: string
  by_batch: Row[]
  parity:
    string | (string | { name: string; max: number; mean: number; equal: number; rms: number })[]
}
interface Report {
  bundle: { name: string; version: string; precision: string; id: string }
  load_ms: number
  self_test: { runs: number; result: string }
  card_mb: { before: number | null; loaded: number | null; after: number | null }
  graphs: Record<string, GraphReport>
}
type JobRow = Record<
  'width' | 'height' | 'frames' | 'fps' | 'wall_s' | 'cpu_s' | 'peak_mb',
  number
> & {
  pass: string
  encoder: string | null
  busy: number | null
  card_mb: number
}

const folder = process.argv[2] ?? '.'
const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const { bundle, load_ms, self_test, card_mb, graphs } = read('graphs.json') as Report
const torch = read('torch.json') as Record<string, number>
const jobs = read('jobs.json') as JobRow[]
const print = (...cells: unknown[]) => console.log(`| ${cells.join(' | ')} |`)
const fixed = (value: number | null | undefined, digits = 1) => value?.toFixed(digits) ?? ''

console.log(
  `\n${bundle.name} ${bundle.version}, ${bundle.precision} (${bundle.id}): loaded in ${fixed(load_ms / 1000)} s; `,
)
console.log(
  `self-test of ${self_test.runs} runs: ${self_test.result}; card memory ${card_mb.before} → ${card_mb.loaded} → ${card_mb.after} MB\n`,
)
print('graph', 'on', 'batch', 'first run ms', 'ms', 'items/s', 'PyTorch fp16 items/s', 'card MB')
print(...Array(8).fill('---'))
for (const [name, { device, from, by_batch }] of Object.entries(graphs)) {
  for (const row of by_batch) {
    const other = name === 'generate' ? torch[row.batch] : undefined
    const figures = row.error
      ? [row.error.slice(0, 80), '', '']
      : [fixed(row.first_ms, 0), fixed(row.ms), fixed(row.per_s)]
    print(name, `${device}, ${from}`, row.batch, ...figures, fixed(other), row.card_mb ?? '')
  }
}
console.log('\nAgainst the portable graph on the CPU (batch 2):\n')
print('graph', 'output', 'largest difference', 'mean', 'equal', 'rms of the output')
print(...Array(6).fill('---'))
for (const [graph, { parity }] of Object.entries(graphs)) {
  for (const output of typeof parity === 'string' ? [parity] : parity) {
    if (typeof output === 'string') {
      print(graph, output.slice(0, 80), '', '', '', '')
      continue
    }
    const { name, max, mean, equal, rms } = output
    const [largest, average, size] = [max, mean, rms].map((value) => value.toPrecision(3))
    print(graph, name, largest, average, `${fixed(equal * 100, 2)} %`, size)
  }
}
console.log('\nWhole jobs:\n')
print(
  'size',
  'video',
  'frames',
  'frames/s',
  'wall s',
  'CPU s',
  'card busy',
  'card MB',
  'peak MB',
  'encoder',
)
print(...Array(10).fill('---'))
for (const job of jobs) {
  const busy = job.busy === null ? '' : `${fixed(job.busy * 100, 0)} %`
  print(
    ...[
      `${job.width}×${job.height}`,
      job.pass,
      job.frames,
      fixed(job.fps),
      fixed(job.wall_s),
      fixed(job.cpu_s),
    ],
    ...[busy, job.card_mb, job.peak_mb, job.encoder ?? ''],
  )
}
