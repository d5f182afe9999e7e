import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../../handler/errors.ts'
import { processIdentity } from '../../models/system/process-alive.ts'
import { withDirectoryError } from '../../handler/system/directory-error.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

/** A claimer's own folder, which outlives the process, and what it is called. */
export interface Place extends AsyncDisposable {
  dir: string
  workerId: string
}

const RANDOM = /^worker-[0-9a-f]{8}$/

/**
 * Take a place: the one of the given id, or else one that a former life without an id has left, or a
 * new one under a random id. Two claimers with one id would report each other's jobs.
 *
 * @throws Error naming the process that has the place
 */
export async function lockStateDir(
  root: string,
  source: string,
  workerId: string | undefined,
): Promise<Place> {
  return withDirectoryError(root, 'STATE_DIR', () => takeOverLock(join(root, source), workerId))
}

async function takeOverLock(floor: string, workerId: string | undefined): Promise<Place> {
  await makeDirectory(floor)
  if (workerId !== undefined) {
    const dir = join(floor, `id-${encodeURIComponent(workerId)}`)
    const owner = await lock(dir)
    if (owner === undefined) return placeAt(dir, workerId)
    throw new Error(
      `process ${owner} already claims jobs as "${workerId}" (${dir}); one is enough, ` +
        'or give this one another WORKER_ID',
    )
  }
  for (const name of await readdir(floor)) {
    const dir = join(floor, name)
    if (RANDOM.test(name) && (await lock(dir)) === undefined) return placeAt(dir, name)
  }
  const name = `worker-${randomUUID().slice(0, 8)}`
  const dir = join(floor, name)
  await lock(dir)
  return placeAt(dir, name)
}

const placeAt = (dir: string, workerId: string): Place => ({
  dir,
  workerId,
  async [Symbol.asyncDispose]() {
    await rm(join(dir, 'lock'), { force: true })
  },
})

/** @returns the live process that has the lock; undefined: it is ours now */
async function lock(dir: string): Promise<number | undefined> {
  await makeDirectory(dir)
  const path = join(dir, 'lock')
  const draft = join(dir, `lock-${randomUUID()}`)
  await writeFile(draft, await processIdentity(process.pid))
  try {
    for (;;) {
      try {
        await link(draft, path) // a lock is never seen half written
        return undefined
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error
      }
      const owner = await lockOwner(dir)
      if (owner !== undefined) return owner
      await rm(path, { force: true }) // of a process that was killed
    }
  } finally {
    await rm(draft, { force: true })
  }
}

/** The live process that has a place, if there is one. */
export async function lockOwner(dir: string): Promise<number | undefined> {
  const mark = await readFile(join(dir, 'lock'), 'utf8').catch(() => '')
  const pid = Number.parseInt(mark, 10)
  return pid > 0 && mark === (await processIdentity(pid)) ? pid : undefined
}
