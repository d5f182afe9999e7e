import { readFile } from 'node:fs/promises'
import type { ChildProcess } from 'node:child_process'

/** How a child process was found that no longer gets anywhere. */
export type Stall = 'hung' | 'busy'

const LOOK_MS = 5_000
/** Looks in a row, not seconds: a machine that was suspended must not find its children guilty. */
const HUNG_LOOKS = 6
/** It computes all the time, and nothing comes of it. */
const BUSY_LOOKS = 60

/**
 * Kills a child that stands still: a stopped process, a disk that does not answer, a file that makes a
 * decoder go round in circles. Nobody would notice it before the deadline of the job, and the only
 * engine would wait with it. While its consumer is slow (data waits to be read) a child is never at
 * fault.
 *
 * @param stdout what it writes to
 * @param stalled called once, right before the kill
 * @param computed what a process has computed so far, by its id, in any unit
 * @returns ends the watch
 */
export function killWhenStalled(
  child: ChildProcess,
  stdout: Moved | null,
  stalled: (how: Stall) => void,
  { lookMs = LOOK_MS, computed = processorTicks } = {},
): () => void {
  let [bytes, ticks] = [-1, -1]
  let [still, idle] = [0, 0] // looks since a byte moved; since anything was computed
  const timer = setInterval(() => void look(), lookMs)
  timer.unref()

  async function look() {
    const { stdin } = child as { stdin: Moved | null }
    const used = await computed(child.pid)
    const seen = (stdout?.bytesRead ?? 0) + (stdin?.bytesWritten ?? 0)
    const waitsForUs =
      (stdout?.readableLength ?? 0) > 0 || (stdin?.writableEnded === false && !stdin.writableLength)
    still = seen !== bytes || waitsForUs ? 0 : still + 1
    idle = still === 0 || used !== ticks ? 0 : idle + 1
    ;[bytes, ticks] = [seen, used]
    const how = idle >= HUNG_LOOKS ? 'hung' : still >= BUSY_LOOKS ? 'busy' : undefined
    if (!how || child.exitCode !== null) return
    clearInterval(timer)
    stalled(how)
    child.kill('SIGKILL')
  }
  return () => clearInterval(timer)
}

/** What the ends of pipes tell of themselves; they are sockets. */
export interface Moved {
  bytesRead?: number
  bytesWritten?: number
  readableLength?: number
  writableLength?: number
  writableEnded?: boolean
}

/** Clock ticks that a process has computed, user and system; 0 where the system does not tell. */
export async function processorTicks(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return user + system
}
