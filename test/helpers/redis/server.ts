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
  port: number
  /** SIGKILL; what it had not written to its append-only file is lost. */
  kill(): Promise<void>
  start(): Promise<void>
}

export interface RedisOptions {
  /** A private key and a certificate for `localhost`: nobody is heard in the clear then. */
  tls?: { key: string; certificate: string }
  /** The file with what a sentinel watches; it is one then. */
  sentinel?: string
  /** Further arguments of redis-server. */
  more?: readonly string[]
  /** Whether every command is written to disk before it is answered; it is where unset. */
  durable?: boolean
}

/** A real redis-server on loopback. */
export async function redisServer(own: RedisOptions = {}): Promise<RedisServer> {
  const { tls, sentinel, more = [], durable = sentinel === undefined } = own
  const dir = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const options = [
    ...(sentinel ? [sentinel] : []),
    ...(tls
      ? [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
          ...['--tls-key-file', tls.key, '--tls-cert-file', tls.certificate],
        ]
      : ['--port', String(port)]),
    ...[
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      ...(sentinel ? ['--sentinel'] : ['--save', '']),
      ...more,
    ],
    ...(durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
  ]
  let body: ChildProcess | undefined

  async function start(): Promise<void> {
    const mine = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] })
    body = mine
    let said = ''
    for await (const text of mine.stdout) {
      said += String(text)
      if (/Ready to accept connections|Sentinel ID is/.test(said)) return
    }
    throw new Error(`redis-server ended: ${said}`)
  }
  async function kill(): Promise<void> {
    if (!body || body.exitCode !== null || body.signalCode !== null) return
    const ended = once(body, 'exit')
    body.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    ...{ url: tls ? `rediss://localhost:${port}` : `redis://127.0.0.1:${port}`, port, kill, start },
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
