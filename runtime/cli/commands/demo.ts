import { fileURLToPath } from 'node:url'
import type { Config } from '../../config/config.ts'
import { JobError } from '../../../handler/errors.ts'
import { defineCommand } from '../command.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import type { TextOutput } from '../output.ts'

const media = (name: string) => fileURLToPath(new URL(`../../../demo/${name}`, import.meta.url))

export const demoCommand = defineCommand({
  name: 'demo',
  summary: 'render the embedded portrait with the embedded speech, and say what it cost',
  usage: ['demo [--serve]'],
  example: 'demo',
  options: {
    serve: { type: 'boolean', help: 'serve the page instead, with the example chosen' },
  },
  run: ({ values, config, output }) =>
    values.serve ? servePage(config(), output) : demo(config(), output),
})

async function servePage(config: Config, output: TextOutput): Promise<number> {
  const { startWorker } = await import('../../worker/worker.ts')
  return startWorker(config, {
    onListening: (port) =>
      output.err(
        `Open http://localhost:${port}/?example and press "Make it speak"; Ctrl-C ends it.\n`,
      ),
  })
}

/** How whoever reads this has started it: from a clone, or as a package. */
const PROGRAM = import.meta.url.endsWith('.ts') ? 'bin/musetalk-worker.mjs' : 'npx musetalk-worker'

/** Before the path, which stays the last line for whoever reads it by a program. */
const NEXT = `
Your own: ${PROGRAM} run --video face.mp4 --audio speech.wav --out talking.mp4
In the browser, with camera and microphone: ${PROGRAM} demo --serve
Open this:`

async function demo(config: Config, output: TextOutput): Promise<number> {
  const { renderLocalJob } = await import('../render-local-job.ts')
  const job = { id: 'demo', video: media('portrait.png'), audio: media('speech.wav') }
  const result = await renderLocalJob({ job, json: false, verbose: false }, config)
  if (result instanceof JobError) {
    output.err(`${result.code}: ${result.message}\n`)
    return EXIT_CODES[result.fault]
  }
  const { width, height, fps, frames, duration_sec, bundle, stage_times, total_time } = result
  const rows = Object.entries(stage_times).map(
    ([name, s]) => `  ${name.padEnd(10)}${s.toFixed(2).padStart(7)} s`,
  )
  const lines = [
    `${frames} frames of ${width}x${height} at ${fps} fps with the bundle "${bundle.name}" ${bundle.version}`,
    ...rows,
    `  ${'total'.padEnd(10)}${total_time.toFixed(2).padStart(7)} s for ${duration_sec.toFixed(2)} s of video` +
      ` (stages overlap)`,
    `real-time factor ${result.realtime_factor.toFixed(2)} (below 1 is faster than real time)`,
    NEXT,
    result.output_url,
  ]
  output.out(`${lines.join('\n')}\n`)
  return 0
}
