import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { FromChild, ToChild } from './ipc-messages.ts'
import { killWhenSilent } from './kill-deadlines.ts'
import { PATIENT_FROM_THE_START } from './patient-gc.ts'

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

export interface RenderProcessOptions {
  entry: URL
  env: NodeJS.ProcessEnv
  /** A process that says nothing for so long is killed: it hangs, or has been stopped. */
  silenceMs: number
  onMessage(message: FromChild): void
  /** A line of its stderr: what native code says before it dies. */
  onLine(line: string): void
}

export function spawnRenderProcess({
  entry,
  env,
  silenceMs,
  onMessage,
  onLine,
}: RenderProcessOptions): RenderProcess {
  // A process group of its own: its ffmpegs can be killed with it, and a Ctrl-C in the terminal
  // reaches the parent only.
  const child = fork(entry, {
    detached: true,
    env,
    execArgv: PATIENT_FROM_THE_START,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let reason: string | undefined
  const kill = (why: string) => {
    reason ??= why
    killGroup(child)
  }

  const watch = killWhenSilent(kill, silenceMs)
  child.on('message', (message: FromChild) => {
    watch.heard()
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
  }).finally(() => watch[Symbol.dispose]())

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
