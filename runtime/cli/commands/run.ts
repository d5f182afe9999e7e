import { pathToFileURL } from 'node:url'
import { JobError } from '../../../handler/errors.ts'
import { defineCommand, JSON_OPTION } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { JOB_OPTIONS, jobOf } from '../job-options.ts'
import { askAtTerminal, checkOutput } from '../output-file.ts'
import { estimateLines } from '../estimate-lines.ts'

const OPTIONS = {
  ...JOB_OPTIONS,
  out: { type: 'string', value: 'FILE', help: 'the result (default: a name in OUTPUT_DIR)' },
  force: { type: 'boolean', help: 'replace a file that --out names' },
  bundle: {
    type: 'string',
    value: 'DIR',
    help: 'model bundle (default: MODEL_BUNDLE, else the embedded lite)',
  },
  'dry-run': {
    type: 'boolean',
    help: 'say what the job would give, how long it would take, and what would be refused',
  },
  json: JSON_OPTION,
  verbose: { type: 'boolean', help: 'log every stage as JSON lines on stderr' },
} as const

export const runCommand = defineCommand({
  name: 'run',
  summary: 'render one job of local files',
  usage: [
    'run --video FILE --audio FILE [--out FILE] [options]',
    'run --job FILE [--out FILE] [options]',
  ],
  example: 'run --video face.mp4 --audio speech.wav --out talking.mp4',
  options: OPTIONS,
  async run({ values, config, output }) {
    const { json = false, verbose = false, force = false, out, bundle } = values
    const job = await jobOf(values, out)
    const options = { job, json, verbose, ...(out && { out }), ...(bundle && { bundle }) }
    const { estimateLocalJob, renderLocalJob } = await import('../render-local-job.ts')
    if (values['dry-run']) {
      const estimate = await estimateLocalJob(options, config())
      output.out(json ? `${JSON.stringify(estimate)}\n` : estimateLines(estimate))
      if (estimate instanceof JobError) return EXIT_CODES[estimate.fault]
      return 'refused' in estimate ? EXIT_CODES.caller : 0
    }
    const directory = config().OUTPUT_DIR
    await checkOutput({ out, directory, job, force }, json ? undefined : askAtTerminal())
    const result = await renderLocalJob(options, config())
    if (json) output.out(`${JSON.stringify(result)}\n`)
    if (!(result instanceof JobError)) {
      if (json) return 0
      output.err(`Open it: ${addressOf(result.output_url)}\n`)
      output.out(`${result.output_url}\n`) // alone on stdout, for whoever reads it by a program
      return 0
    }
    if (!json) output.err(`${result.code}: ${result.message}\n`)
    return EXIT_CODES[result.fault]
  },
})

/** What a terminal makes a link of, and a browser's address line takes. @param place a path, or where the job had it uploaded */
const addressOf = (place: string): string =>
  /^https?:/.test(place) ? place : pathToFileURL(place).href
