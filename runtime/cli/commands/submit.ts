import { resolve } from 'node:path'
import { asJobError } from '../../../handler/errors.ts'
import { DEFAULT_PORT, type Config } from '../../config/config.ts'
import { parseRedisUrls } from '../../config/redis.ts'
import { defineCommand, JSON_OPTION, UsageError, type OptionValues } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { onInterrupt } from '../interrupt.ts'
import { JOB_OPTIONS, jobOf } from '../job-options.ts'
import { askAtTerminal, checkOutput } from '../output-file.ts'
import type { Terminal } from '../output.ts'
import { createProgressPrinter } from '../progress-bar.ts'
import type { Destination } from '../submit/destination.ts'
import { downloadResult } from '../submit/download-result.ts'
import { SubmitError } from '../submit/submit-error.ts'
import { submitJob } from '../submit/submit-job.ts'
import { workerDestination } from '../submit/worker-destination.ts'

const OPTIONS = {
  worker: {
    type: 'string',
    value: 'URL',
    help: 'a worker, with its key in API_KEY (default: http://localhost:8000)',
  },
  runpod: {
    type: 'string',
    value: 'ENDPOINT',
    help: "an endpoint's id at RunPod, with the key in RUNPOD_API_KEY",
  },
  redis: {
    type: 'string',
    value: 'URL',
    help: 'a BullMQ queue (default: REDIS_URL, where it is set)',
  },
  queue: { type: 'string', value: 'NAME', help: 'its name (default: BULLMQ_QUEUE)' },
  ...JOB_OPTIONS,
  out: { type: 'string', value: 'FILE', help: 'fetch the result to this file' },
  force: { type: 'boolean', help: 'replace a file that --out names' },
  json: JSON_OPTION,
} as const
type Values = OptionValues<typeof OPTIONS>

export const submitCommand = defineCommand({
  name: 'submit',
  summary: 'send one job to a worker, to RunPod or into a queue, and follow it',
  usage: [
    'submit [--worker URL] --video FILE --audio FILE [options]',
    'submit --runpod ENDPOINT --video FILE --audio FILE [options]',
    'submit --redis URL --job FILE [options]',
  ],
  example: 'submit --worker http://gpu-1:8000 --video face.mp4 --audio speech.wav',
  options: OPTIONS,
  async run({ values, config, output }) {
    const { json = false, force = false, out } = values
    const job = await jobOf(values, out)
    const environment = config()
    await using destination = await destinationOf(values, environment)
    if (out !== undefined) {
      const wanted = { out, directory: environment.OUTPUT_DIR, job, force }
      await checkOutput(wanted, json ? undefined : askAtTerminal())
    }
    using interrupt = onInterrupt()
    const { signal } = interrupt
    const onProgress = json ? () => {} : createProgressPrinter(process.stderr)
    const onNote = json ? () => {} : (text: string) => output.err(`${text}\n`)
    try {
      const ended = await submitJob({ job, destination, onProgress, onNote, signal })
      if (out !== undefined) await downloadResult(ended, destination, resolve(out), signal)
      const { result } = ended
      output.out(json ? `${JSON.stringify(result)}\n` : `${out ?? result.output_url}\n`)
      return 0
    } catch (error) {
      return tellFailure(error, json, output, signal)
    }
  },
})

/** @throws UsageError, unless exactly one is named, or none */
async function destinationOf(values: Values, config: Config): Promise<Destination> {
  const { worker, runpod, redis, queue } = values
  const named = (['worker', 'runpod', 'redis'] as const).filter((name) => values[name])
  if (named.length > 1) {
    throw new UsageError(`--${named.join(' and --')} name two places for one job; take one`)
  }
  if (runpod) {
    const { runpodDestination } = await import('../submit/runpod-destination.ts')
    return runpodDestination(runpod, config)
  }
  if (redis || (!worker && config.REDIS_URL.length > 0)) {
    const { queueDestination } = await import('../submit/queue-destination.ts')
    return await queueDestination({
      ...config,
      ...(redis && { REDIS_URL: readRedisUrls(redis) }),
      ...(queue && { BULLMQ_QUEUE: queue }),
    })
  }
  if (queue) throw new UsageError('--queue needs --redis, or REDIS_URL')
  const url = worker ?? `http://localhost:${config.PORT ?? DEFAULT_PORT}`
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new UsageError(`--worker needs an http or https URL, not "${url}"`)
  }
  return workerDestination(url, config.API_KEY)
}

function readRedisUrls(text: string): string[] {
  try {
    return parseRedisUrls(text)
  } catch (error) {
    throw new UsageError(`--redis ${(error as Error).message}`)
  }
}

function tellFailure(
  thrown: unknown,
  json: boolean,
  output: Terminal,
  signal: AbortSignal,
): number {
  if (thrown instanceof UsageError) throw thrown
  const error =
    thrown instanceof SubmitError && !signal.aborted ? thrown : asJobError(thrown, signal)
  if (json) output.out(`${JSON.stringify(error)}\n`)
  else output.err(`${error.code}: ${error.message}\n`)
  return EXIT_CODES[error.fault]
}
