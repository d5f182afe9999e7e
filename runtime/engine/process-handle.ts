import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { FromChild, ToChild } from './ipc-messages.ts'

/** One render process from its start to its end. */
export interface RenderProcess {
  readonly pid: number | undefined
  send(message: ToChild): void
  /** SIGKILL for it and the ffmpegs it started; `why` completes "the render process ...". */
  kill(why: string): void
  /** Killed or gone: no place for a job. */
  isTerminating(): boolean
  /** Resolves when it is gone, with what became of it; never rejects. */
  exited: Promise<string>
}

export interface LifeOptions {
  entry: URL
  env: NodeJS.ProcessEnv
  /** A process that says nothing for so long is killed: it hangs, or has been stopped. */
  silenceMs: number
  onMessage(message: FromChild): void
  /** A line of its stderr: what native code says before it dies. */
  onLine(line: string): void
}

const MAX_MISSED_TICKS = 10 // of the watch, in the silence that is allowed
const FIRST_HEARTBEAT_MS = 30_000 // Node and the modules may come from a cold disk

export function spawnRenderProcess({
  entry,
  env,
  silenceMs,
  onMessage,
  onLine,
}: LifeOptions): RenderProcess {
  // A process group of its own: its ffmpegs can be killed with it, and a Ctrl-C in the terminal
  // reaches the parent only.
  const child = fork(entry, {
    detached: true,
    env,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let reason: string | undefined
  const kill = (why: string) => {
    reason ??= why
    killGroup(child)
  }

  // Counted in ticks of this process's own loop, so that a suspended machine accuses nobody.
  let missedHeartbeats = 0
  let allowedTicks = Math.max(MAX_MISSED_TICKS, (MAX_MISSED_TICKS * FIRST_HEARTBEAT_MS) / silenceMs)
  const watch = setInterval(() => {
    if (++missedHeartbeats > allowedTicks)
      kill(
        `was killed: it gave no sign of life for ${(missedHeartbeats * silenceMs) / MAX_MISSED_TICKS / 1000} s`,
      )
  }, silenceMs / MAX_MISSED_TICKS)
  child.on('message', (message: FromChild) => {
    missedHeartbeats = 0
    allowedTicks = MAX_MISSED_TICKS
    onMessage(message)
  })
  if (child.stderr) {
    createInterface(child.stderr).on('line', (line) => onLine(line.slice(0, 500)))
  }

  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      killGroup(child) // ffmpegs that outlived it
      resolve((reason ??= signal ? `died of ${signal}` : `ended with status ${code}`))
    })
    child.on('error', (error) => {
      if (child.pid === undefined) resolve((reason ??= `cannot be started: ${error.message}`))
    })
  }).finally(() => clearInterval(watch))

  return {
    pid: child.pid,
    // What cannot be sent is explained by the end that follows.
    send: (message) => void (child.connected && child.send(message, () => {})),
    kill,
    isTerminating: () => reason !== undefined,
    exited,
  }
}

function killGroup({ pid }: ChildProcess) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}
