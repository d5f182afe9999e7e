import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))

/** `musetalk-worker serve` as a process, with the embedded bundle, ready. */
export async function startServe(env: Record<string, string> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'serve-'))
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...{ PATH: process.env['PATH'], HOME: dir, HOST: '127.0.0.1', PORT: '0' },
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
    child.once('close', (code) => reject(new Error(`serve ended with ${code}`)))
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
