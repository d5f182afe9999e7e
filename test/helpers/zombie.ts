import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** It ends when its parent has become a program that asks no child for its status. */
const CHILD = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do :; done'

/** A process that has ended and that nobody buries; gone at the end of the block. */
export async function startZombie(): Promise<AsyncDisposable & { pid: number }> {
  const script = `sh -c '${CHILD}' & echo $!; exec sleep 600`
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(parent, 'exit')
  const { value } = (await createInterface(parent.stdout)[Symbol.asyncIterator]().next()) as {
    value: string
  }
  while (!(await readFile(`/proc/${value}/stat`, 'utf8')).includes(') Z ')) await pause(10)
  return {
    pid: Number(value),
    async [Symbol.asyncDispose]() {
      parent.kill('SIGKILL')
      await ended
    },
  }
}
