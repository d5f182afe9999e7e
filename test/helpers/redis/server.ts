import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether this machine has one: `apt-get install redis-server`. */
export const hasRedis = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0

export interface RedisServer extends AsyncDisposable {
  url: string
  /** SIGKILL; what it had not written to its append-only file is lost. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** A real redis-server on loopback, that writes every command to disk. */
export async function redisServer(): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '']
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
  let body: ChildProcess | undefined

  async function start(): Promise<void> {
    const mine = spawn('redis-server', [...options, ...durable], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    body = mine
    for await (const text of mine.stdout) {
      if (String(text).includes('Ready to accept connections')) break
    }
  }
  async function kill(): Promise<void> {
    if (!body || body.exitCode !== null || body.signalCode !== null) return
    const ended = once(body, 'exit')
    body.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    ...{ url: `redis://127.0.0.1:${port}`, kill, start },
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
