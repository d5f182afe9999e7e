import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const run = (args: string[]) =>
  promisify(execFile)('docker', args, { cwd: ROOT, maxBuffer: 64 * 2 ** 20 })

/** Run docker to its end; what it wrote to stdout, trimmed. Throws with its stderr. */
export const docker = async (...args: string[]): Promise<string> => (await run(args)).stdout.trim()

/**
 * Build the Dockerfile, up to a stage of it where `target` is given.
 * @param context folder of the build; the repository where unset
 */
export async function build(
  tag: string,
  args: Record<string, string> = {},
  { target, context = '.' }: { target?: string; context?: string } = {},
) {
  const given = Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`])
  const until = target ? ['--target', target] : []
  // The host's network: a build machine's bridge may lead nowhere.
  await docker('build', '--quiet', '--network', 'host', '--tag', tag, ...given, ...until, context)
}

/** The host's end of Docker's bridge. Its interface is only listed while a container runs; it can be bound all the time. */
export const bridgeAddress = (): Promise<string> =>
  docker('network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', 'bridge')

export interface Container extends AsyncDisposable {
  name: string
  /** http://127.0.0.1:PORT; another one after a restart. */
  origin(): Promise<string>
  /** Runs a shell line inside. */
  sh(line: string): Promise<string>
  /** What it wrote, its log. */
  logs(): Promise<string>
  /** A field of `docker inspect`, as Docker's templates name it. */
  inspect(field: string): Promise<string>
  /** Resolves when it takes jobs, which it must within two minutes unless told otherwise. */
  ready(timeoutMs?: number): Promise<void>
}

/**
 * `docker run -d` with port 8000 on a loopback port of Docker's choice; removed at the end of the block.
 * @param args options, the image, and perhaps a command
 */
export async function container(args: readonly string[]): Promise<Container> {
  const name = `musetalk-test-${randomBytes(4).toString('hex')}`
  const inspect = (field: string) => docker('inspect', '--format', `{{${field}}}`, name)
  const origin = async () => `http://${(await docker('port', name, '8000')).split('\n')[0]}`
  const remove = async () => void (await docker('rm', '--force', '--volumes', name))
  try {
    await docker('run', '--detach', '--name', name, '--publish', '127.0.0.1:0:8000', ...args)
  } catch (error) {
    await remove()
    throw error
  }
  const isReady = async () => (await fetch(`${await origin()}/ready`)).ok
  const logs = async () => {
    const { stdout, stderr } = await run(['logs', '--tail', '20', name]) // a worker's log is on stderr
    return stdout + stderr
  }
  return {
    ...{ name, origin, inspect, logs },
    sh: (line) => docker('exec', name, 'sh', '-c', line),
    async ready(timeoutMs = 120_000) {
      const deadline = performance.now() + timeoutMs
      while (!(await isReady().catch(() => false))) {
        if (performance.now() > deadline) {
          throw new Error(`not ready: ${await logs()}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    [Symbol.asyncDispose]: remove,
  }
}
