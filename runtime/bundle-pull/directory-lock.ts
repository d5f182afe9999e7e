import { randomUUID } from 'node:crypto'
import { link, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isErrno } from '../../handler/errors.ts'
import { sleep } from '../../handler/net/retry.ts'
import { processIdentity } from '../../models/system/process-alive.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

export interface LockOwner {
  host: string
  pid: number
}

export interface LockOptions {
  signal: AbortSignal
  /** Told once for each owner that is waited for. */
  onWait(owner: LockOwner): void
  /** How often the owner says that it lives; default 5 s. */
  heartbeatMs?: number
  /** A silent owner on another machine, or in another container, is dead after this; default 30 s. */
  staleMs?: number
}

export interface DirectoryLock extends AsyncDisposable {
  /** Aborts when somebody else has taken the lock: this process was suspended for too long. */
  lost: AbortSignal
}

const POLL_MS = 500

/**
 * Wait until this process alone works in a directory, which may lie on a volume of several machines.
 * An owner on this machine is dead when its process is gone; one elsewhere, when it is silent.
 *
 * @throws the signal's reason; the error of the file system
 */
export async function lockDirectory(
  directory: string,
  { signal, onWait, heartbeatMs = 5_000, staleMs = 30_000 }: LockOptions,
): Promise<DirectoryLock> {
  const path = join(directory, 'lock')
  const content = JSON.stringify({
    ...{ host: hostname(), pid: process.pid },
    ...{ began: await processIdentity(process.pid), id: randomUUID() },
  })
  const draft = join(directory, `lock-${randomUUID()}`)
  await writeInto(directory, draft, content)
  try {
    let waitedFor = ''
    while (!(await tryLink(draft, path))) {
      signal.throwIfAborted()
      const owner = await readLock(path)
      if (owner === undefined) continue
      if (await isDead(owner, path, directory, staleMs)) {
        if (await removeLock(path, owner.content, directory, staleMs)) continue
      } else {
        if (owner.content !== waitedFor) onWait({ host: owner.host, pid: owner.pid })
        waitedFor = owner.content
      }
      await sleep(POLL_MS, signal)
    }
  } finally {
    await rm(draft, { force: true })
  }
  const lost = new AbortController()
  const isOurs = async () => (await readFile(path, 'utf8').catch(() => '')) === content
  const heartbeat = setInterval(() => {
    void (async () => {
      if (!(await isOurs())) return lost.abort(new Error('another process has taken over'))
      await writeFile(`${path}-heartbeat`, '.').catch(() => {}) // a full disk is somebody else's message
    })()
  }, heartbeatMs)
  heartbeat.unref()
  return {
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat)
      if (!(await isOurs())) return
      await rm(`${path}-heartbeat`, { force: true })
      await rm(path, { force: true })
      await rmdir(directory).catch(() => {}) // unless there is something in it
    },
  }
}

/** Whoever had the lock may remove the directory at any moment. */
async function writeInto(directory: string, file: string, content: string): Promise<void> {
  await makeDirectory(directory)
  await writeFile(file, content).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error
    return writeInto(directory, file, content)
  })
}

/** A lock is never seen half written: it is linked when it is whole. */
async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
}

interface Lock extends LockOwner {
  began: string
  content: string
}

async function readLock(path: string): Promise<Lock | undefined> {
  const content = await readFile(path, 'utf8').catch(() => undefined)
  if (content === undefined) return undefined
  try {
    return { ...(JSON.parse(content) as Omit<Lock, 'content'>), content }
  } catch {
    return { host: '', pid: 0, began: '', content }
  }
}

/** Containers have host names of their own, so a process id is only looked up where it means something. */
async function isDead(
  { host, pid, began }: Lock,
  path: string,
  directory: string,
  staleMs: number,
): Promise<boolean> {
  if (host === hostname()) return (await processIdentity(pid)) !== began
  const silentMs = await sinceChange([path, `${path}-heartbeat`], directory)
  return silentMs !== undefined && silentMs > staleMs
}

/**
 * Milliseconds since the last of these files was written, by the clock of the file system, which need not
 * be this machine's; undefined where the first is gone.
 */
async function sinceChange(
  [first, ...more]: [string, ...string[]],
  directory: string,
): Promise<number | undefined> {
  const probe = join(directory, `lock-${randomUUID()}`)
  try {
    await writeFile(probe, '')
    const others = more.map((file) => stat(file).catch(() => undefined))
    const [now, ...files] = await Promise.all([stat(probe), stat(first), ...others])
    return now.mtimeMs - Math.max(...files.map((file) => file?.mtimeMs ?? 0))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  } finally {
    await rm(probe, { force: true })
  }
}

/**
 * Remove the lock of a dead owner. Of several that find it one alone may, or the others would remove what
 * one of them has made since: it is who has the lock's removal.
 * @returns whether it is gone
 */
async function removeLock(
  path: string,
  content: string,
  directory: string,
  staleMs: number,
): Promise<boolean> {
  const removal = `${path}-removal`
  try {
    await writeFile(removal, '', { flag: 'wx' })
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
    // Who has it may have been killed in the middle.
    const heldMs = await sinceChange([removal], directory)
    if (heldMs !== undefined && heldMs > staleMs) await rm(removal, { force: true })
    return false
  }
  try {
    if ((await readLock(path))?.content === content) await rm(path, { force: true })
    return true
  } finally {
    await rm(removal, { force: true })
  }
}
