import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KEYS } from './strict-s3.ts'

/** The gateway's binary, where somebody has installed it; `go install …/versitygw@v1.8.0` does. */
export const VERSITYGW = [
  ...(process.env['GOBIN'] ? [process.env['GOBIN']] : []),
  join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'bin'),
  ...(process.env['PATH'] ?? '').split(delimiter),
]
  .map((folder) => join(folder, 'versitygw'))
  .find((file) => existsSync(file) && !spawnSync(file, ['--version']).error)

export interface Versitygw extends AsyncDisposable {
  endpoint: string
}

/** A real S3 gateway on a folder of its own, with one bucket, `bucket`. Checks signatures. */
export async function versitygw(): Promise<Versitygw> {
  const folder = await mkdtemp(join(tmpdir(), 'musetalk-versitygw-'))
  await mkdir(join(folder, 'root', 'bucket'), { recursive: true })
  await mkdir(join(folder, 'meta'))
  const port = await freePort()
  const child = spawn(
    VERSITYGW!,
    [
      ...['--quiet', '--port', `127.0.0.1:${port}`],
      ...['posix', '--sidecar', join(folder, 'meta'), join(folder, 'root')],
    ],
    {
      env: { ROOT_ACCESS_KEY: KEYS.keyId, ROOT_SECRET_KEY: KEYS.secret },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGKILL')
    await closed
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  while (!(await fetch(endpoint).catch(() => undefined))) {
    if (child.exitCode !== null) {
      await stop()
      throw new Error(`versitygw ended: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { endpoint, [Symbol.asyncDispose]: stop }
}

/** The gateway cannot be asked which port it got, so it is given one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
