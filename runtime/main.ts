import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { JobError } from '../handler/errors.ts'
import { PullError } from './bundle-pull/pull-error.ts'
import { bundleCommand } from './cli/bundle.ts'
import type { PullRequest } from './bundle-pull/pull-named.ts'
import { bundlePull } from './cli/bundle-pull.ts'
import { readConfig, type Config } from './config/config.ts'
import { demo } from './cli/demo.ts'
import { doctor } from './doctor/doctor.ts'
import { resolveJobSource } from './config/job-source.ts'
import { EXIT_CODES } from './cli/exit-codes.ts'
import { run, type RunOptions } from './cli/run.ts'
import { startWorker } from './worker/worker.ts'

const USAGE = `musetalk-worker: a face video and a speech recording in, a talking video out

  musetalk-worker run --video FILE --audio FILE [--out FILE] [options]
  musetalk-worker run --job job.json [--out FILE] [options]
  musetalk-worker demo
  musetalk-worker start     take jobs from whom the environment names, and over HTTP
  musetalk-worker serve     take jobs over HTTP only
  musetalk-worker doctor    what works on this machine, what does not, and what to do
  musetalk-worker bundle info|verify [DIR]   what a bundle holds; whether it is whole and computes well
  musetalk-worker bundle pull NAME           make a bundle of its official files: musetalk-v1.5

  --bundle DIR    model bundle (default: MODEL_BUNDLE, else the embedded lite)
  --length WHAT   audio (default), video or shortest
  --silence WHAT  model (default) or source: pauses show the untouched source
  --fps N         frames per second of the result (default: the source's)
  --crf N         quality of the result, 10 to 35 (default: 17)
  of bundle pull (docs/musetalk.md):
  --out DIR       folder of the bundle (default: its name in BUNDLES_DIR)
  --precision P   fp32 or fp16 (default: what suits this machine)
  --cuda          with a graph for CUDA (default where there is a card)
  --from WHERE    folder or address of official files, looked at first
  --allow-unknown take other weights than the official ones
  --keep          leave the downloaded files in DIR.download

  --json          print the answer as JSON on stdout
  --verbose       log every stage as JSON lines on stderr

  exit status: 0 done, 1 this machine failed, 2 bad usage, job or media, 3 another server failed,
  130 interrupted
`

const OPTIONS = {
  video: { type: 'string' },
  audio: { type: 'string' },
  job: { type: 'string' },
  out: { type: 'string' },
  bundle: { type: 'string' },
  length: { type: 'string' },
  silence: { type: 'string' },
  fps: { type: 'string' },
  crf: { type: 'string' },
  precision: { type: 'string' },
  cuda: { type: 'boolean' },
  from: { type: 'string' },
  'allow-unknown': { type: 'boolean' },
  keep: { type: 'boolean' },
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @returns the exit status */
async function main(argv: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    options: OPTIONS,
    allowPositionals: true,
  })
  const [command, ...rest] = positionals
  if (values.help || !command) return usage(values.help ? 0 : EXIT_CODES.caller)
  if (rest.length > 0 && command !== 'bundle')
    throw new UsageError(`unexpected argument "${rest[0]}"`)
  // ONNX Runtime reports to its makers otherwise; it reads this when it is loaded, here and in engines.
  env['ORT_DISABLE_TELEMETRY'] ??= '1'
  if (command === 'doctor') return doctor(() => readConfig(env), values.json, OUTPUT)
  const config = readConfig(env)
  switch (command) {
    case 'run':
      return runCommand(await runOptions(values), config)
    case 'demo':
      return demo(config)
    case 'start':
      return startWorker(config, resolveJobSource(config))
    case 'serve':
      return startWorker(config)
    case 'bundle':
      return bundle(rest, values, config)
    default:
      throw new UsageError(`unknown command "${command}"`)
  }
}

const OUTPUT = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
  isTTY: process.stderr.isTTY,
  columns: process.stderr.columns,
}

async function bundle([action, folder, more]: string[], values: Values, config: Config) {
  const { json } = values
  if (action === 'pull') {
    if (folder === undefined || more !== undefined) throw new UsageError('bundle pull needs a name')
    return bundlePull({ name: folder, ...pullOptions(values) }, config, json, OUTPUT)
  }
  if ((action !== 'info' && action !== 'verify') || more !== undefined) {
    throw new UsageError('bundle needs info or verify, and one folder at most, or pull')
  }
  return bundleCommand(action, folder, config, json, OUTPUT)
}

function pullOptions(values: Values): Omit<PullRequest, 'name'> {
  const { out, precision, cuda, from, keep = false } = values
  const known = (['fp32', 'fp16'] as const).find((one) => one === precision)
  if (precision !== known) throw new UsageError('--precision is fp32 or fp16')
  return {
    variant: { ...(known && { precision: known }), ...(cuda !== undefined && { cuda }) },
    keep,
    ...(out !== undefined && { out }),
    ...(from !== undefined && { from }),
    ...(values['allow-unknown'] && { allowUnknown: true }),
  }
}

class UsageError extends Error {}

function usage(status: number): number {
  ;(status === 0 ? process.stdout : process.stderr).write(USAGE)
  return status
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

async function runOptions(values: Values): Promise<RunOptions> {
  const { video, audio, length, silence, fps, crf, out, bundle, json, verbose } = values
  const fromFile = values.job ? await readJob(values.job) : {}
  const job = {
    ...fromFile,
    ...(video && { video }),
    ...(audio && { audio }),
    ...(length && { length }),
    ...(silence && { silence }),
    ...(fps && { fps: Number(fps) }),
    ...(crf && { output: { crf: Number(crf) } }),
  }
  if (!values.job && !(video && audio)) {
    throw new UsageError('needs --video and --audio, or --job')
  }
  return { job, json, verbose, ...(out && { out }), ...(bundle && { bundle }) }
}

async function readJob(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw new UsageError(`cannot read the job file: ${(error as Error).message}`)
  }
}

async function runCommand(options: RunOptions, config: Config): Promise<number> {
  const result = await run(options, config)
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  if (!(result instanceof JobError)) {
    if (!options.json) process.stdout.write(`${result.output_url}\n`)
    return 0
  }
  if (!options.json) process.stderr.write(`${result.code}: ${result.message}\n`)
  return EXIT_CODES[result.fault]
}

process.exitCode = await main(process.argv.slice(2), process.env).catch((error: unknown) => {
  process.stderr.write(`musetalk-worker: ${error instanceof Error ? error.message : error}\n`)
  return EXIT_CODES[error instanceof PullError ? error.fault : 'caller']
})
