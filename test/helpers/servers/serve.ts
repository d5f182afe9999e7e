import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '../children/bare-environment.ts'

const MAIN = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))

/** `musetalk-worker serve`, or `start`, as a process, with the embedded bundle, listening. */
export async function startServe(env: Record<string, string> = {}, command = 'serve') {
  const dir = await mkdtemp(join(tmpdir(), 'serve-'))
  const child = spawn(process.execPath, [MAIN, command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...{ ...bareEnvironment(), HOME: dir, HOST: '127.0.0.1', PORT: '0' },
      ...{ OUTPUT_DIR: join(dir, 'out'), SCRATCH_DIR: join(dir, 'scratch') },
      ...{ CACHE_DIR: join(dir, 'cache'), STATE_DIR: join(dir, 'state'), ...env },
    },
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    const lines = createInterface(child.stderr)
    lines.on('line', (line) => {
      const { event, port } = JSON.parse(line) as { event?: string; port?: number }
      if (event === 'worker.listening' && port !== undefined) resolve(port)
    })
    child.once('close', (code) => reject(new Error(`${command} ended with ${code}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    /** Ends it as a crash would. */
    kill: () => child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      await rm(dir, { recursive: true })
    },
  }
}
