import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpuTimeOf } from './cpu-time.ts'

export interface ProcessTreeUsage {
  stdout: string
  /** Seconds. */
  wall: number
  /** Seconds of processor time of the process and all its descendants. */
  cpu: number
  /** Largest sum of resident sizes of the process and all its descendants, MB, sampled. */
  peakMb: number
}

const SAMPLE_MS = 50

/**
 * Run a command and watch its whole process tree (Linux: /proc); one at a time.
 * @param env beside this process's own
 */
export async function measureProcessTree(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<ProcessTreeUsage> {
  const start = performance.now()
  const before = cpuTimeOf(process.pid).children
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let stdout = ''
  let peak = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const sampler = setInterval(() => {
    void residentMb(child.pid!).then((mb) => (peak = Math.max(peak, mb)))
  }, SAMPLE_MS)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(sampler)
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stdout}`)
  const wall = (performance.now() - start) / 1000
  const cpu = cpuTimeOf(process.pid).children - before
  return { stdout, wall, cpu, peakMb: Math.round(peak) }
}

/** Only the family is looked at: to read all of /proc takes the cores from what is measured on them. */
async function residentMb(pid: number): Promise<number> {
  const [status, children] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''), // it has ended
    readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''),
  ])
  const kb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  const ofChildren = await Promise.all((children.match(/\d+/g) ?? []).map(Number).map(residentMb))
  return kb / 1024 + ofChildren.reduce((sum, mb) => sum + mb, 0)
}
