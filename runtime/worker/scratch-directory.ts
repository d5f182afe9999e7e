import { randomUUID } from 'node:crypto'
import { readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { processIdentity } from '../../models/system/process-alive.ts'
import { withDirectoryError } from '../../handler/system/directory-error.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

export interface Scratch extends AsyncDisposable {
  dir: string
  /** Folder of the notes of uploads that dead processes had begun; it may not be there. */
  uploadJournalDir: string
}

/**
 * This process's own folder for its jobs' folders. Those of processes that have died are removed: a
 * crash leaves them, and a machine that restarts for months would be full of them.
 *
 * @param root shared by every worker of this machine, and perhaps of others
 */
export async function openScratch(root: string): Promise<Scratch> {
  const prefix = `${hostname()}-`
  const dir = join(root, prefix + (await ownerOf(process.pid)))
  const uploadJournalDir = join(root, `${prefix}begun`)
  await withDirectoryError(root, 'SCRATCH_DIR', () => makeDirectory(root))
  for (const name of await readdir(root)) {
    if (!name.startsWith(prefix)) continue
    const owner = name.slice(prefix.length)
    if (/^\d+(-\d*)?$/.test(owner) && owner !== (await ownerOf(Number.parseInt(owner, 10)))) {
      await saveUploadJournals(join(root, name), uploadJournalDir)
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
  await makeDirectory(dir)
  return {
    dir,
    uploadJournalDir,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** A process by its id and its beginning: in a container every life of the worker may have the same id. */
const ownerOf = async (pid: number) => (await processIdentity(pid)).replace(' ', '-')

/** Notes outlive their folder, and this process, until what they tell of is dropped. */
async function saveUploadJournals(from: string, to: string): Promise<void> {
  const files = await readdir(from, { recursive: true }).catch(() => [])
  for (const name of files.filter((file) => file.endsWith('.upload'))) {
    await makeDirectory(to)
    await rename(join(from, name), join(to, `${randomUUID()}.upload`)).catch(() => {})
  }
}
