import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runpodPlatform } from '../helpers/runpod/platform.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { traceOf, type Trace } from './trace.ts'

/**
 * Record what RunPod's Python SDK says in each scenario: see README.md beside this file.
 * usage: record.ts PYTHON [scenario ...]
 */
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const VERSION = /(?<=runpod_version(?:=|\\": \\"))[\w.]+/g
/** Short: a worker that is told to stop waits for its polls to end. */
const HOLD_MS = 3_000
const EXIT_MS = 20_000

async function record(python: string, scenario: Scenario): Promise<Trace> {
  await using platform = await runpodPlatform({ holdMs: HOLD_MS })
  const { recorder } = platform
  const home = await mkdtemp(join(tmpdir(), 'sdk-home-'))
  Object.assign(platform.faults, scenario.faults)
  platform.hand(...(scenario.jobs ?? []))
  const env = {
    PATH: process.env['PATH'],
    HOME: home, // a credentials file of RunPod's own tool would win over the key
    RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'true',
    RUNPOD_SKIP_GPU_CHECK: 'true',
    ...platform.env(),
    ...scenario.env,
    ...scenario.platformEnv?.(platform.origin),
  }
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const worker = spawn(python, [here('sdk_worker.py')], {
    env: set,
    stdio: 'ignore',
    detached: true, // its heartbeat is a process of its own, and both are to end here
  })
  const kill = () => {
    try {
      process.kill(-worker.pid!, 'SIGKILL')
    } catch {
      // both have ended
    }
  }
  const exited = once(worker, 'exit')
  try {
    await scenario.until(platform)
    if (scenario.env?.['SIGNAL_AT_PING']) {
      worker.kill('SIGTERM')
      await recorder.until(() => platform.outcomes.size >= 1, 'the last outcome')
    }
    const trace = traceOf(recorder.exchanges, scenario.keep, VERSION)
    if (!scenario.exits) return trace
    const late = setTimeout(kill, EXIT_MS)
    const [code, signal] = (await exited) as [number | null, string | null]
    clearTimeout(late)
    const whole = traceOf(recorder.exchanges, scenario.keep, VERSION)
    return { exit: code ?? signal ?? '', ...whole }
  } finally {
    kill()
    if (worker.exitCode === null && worker.signalCode === null) await exited
    await rm(home, { recursive: true, force: true })
  }
}

const [python, ...names] = process.argv.slice(2)
if (!python) throw new Error('usage: record.ts PYTHON [scenario ...]')
await mkdir(here('traces'), { recursive: true })
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (names.length > 0 && !names.includes(name)) continue
  const trace = await record(python, scenario)
  const text = `${JSON.stringify({ scenario: scenario.number, ...trace }, null, 2)}\n`
  await writeFile(here(`traces/${name}.json`), text.replaceAll(here('.'), ''))
  process.stdout.write(`${name}: ${trace.done?.length ?? 0} done posts\n`)
}
