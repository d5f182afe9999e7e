import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '../children/bare-environment.ts'

const MAIN = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))
const WATCH_MS = 20

export interface ProcessOutcome {
  status: number | null
  /** What --json prints, and when. */
  events: { type: string; phase?: string; message?: string; at: number }[]
  /** Largest resident memory, bytes. */
  peak: number
}

/** `bundle pull musetalk-v1.5` as a process of its own that knows nothing of this one's environment. */
export async function pullInProcess(
  endpoint: string,
  out: string,
  args: readonly string[],
): Promise<ProcessOutcome> {
  const env = { ...bareEnvironment(), HOME: `${out}.home`, HF_ENDPOINT: endpoint }
  const command = [MAIN, 'bundle', 'pull', 'musetalk-v1.5', '--json', '--out', out, ...args]
  const child = spawn(process.execPath, command, {
    ...{ env: { ...env, DEVICE: 'cpu' }, stdio: ['ignore', 'pipe', 'inherit'] },
  })
  const closed = once(child, 'close') as Promise<[number | null]>
  const events: ProcessOutcome['events'] = []
  let peak = 0
  const watch = setInterval(() => {
    void peakMemory(child.pid!).then((now) => (peak = Math.max(peak, now)))
  }, WATCH_MS)
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      events.push({ ...JSON.parse(line), at: performance.now() })
    }
    const [status] = await closed
    return { status, events, peak }
  } finally {
    clearInterval(watch)
    child.kill('SIGKILL')
  }
}

/** Largest resident memory of a process so far, bytes; 0 when it is gone. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
}
