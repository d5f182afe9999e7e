import { mkdir, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/**
 * This process's own folder for its jobs' folders. Those of processes that have died are removed: a
 * crash leaves them, and a machine that restarts for months would be full of them.
 *
 * @param root shared by every worker of this machine, and perhaps of others
 */
export async function openScratch(root: string): Promise<AsyncDisposable & { dir: string }> {
  const prefix = `${hostname()}-`
  const dir = join(root, `${prefix}${process.pid}`)
  await mkdir(root, { recursive: true })
  for (const name of await readdir(root)) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length))
    // In a container every life of the worker may have the same id.
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) {
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
  await mkdir(dir, { recursive: true })
  return {
    dir,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
