import { spawn } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
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

async function residentMb(root: number): Promise<number> {
  const all = await Promise.all(
    (await readdir('/proc')).filter((n) => /^\d+$/.test(n)).map(statusOf),
  )
  const processes = all.filter((p) => p !== undefined)
  const family = new Set([root])
  for (let size = 0; size !== family.size;) {
    size = family.size
    for (const { pid, parent } of processes) if (family.has(parent)) family.add(pid)
  }
  const kb = processes.reduce((sum, { pid, rssKb }) => sum + (family.has(pid) ? rssKb : 0), 0)
  return kb / 1024
}

async function statusOf(pid: string) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1])
  const rssKb = field('VmRSS')
  return rssKb ? { pid: Number(pid), parent: field('PPid'), rssKb } : undefined
}
