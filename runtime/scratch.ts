import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import type { UploadNote } from '../handler/storage/storage.ts'

export interface Scratch extends AsyncDisposable {
  dir: string
  /** Uploads that dead processes had begun. */
  begun: UploadNote[]
}

const Note = v.object({ key: v.string(), uploadId: v.string() })

/**
 * This process's own folder for its jobs' folders. Those of processes that have died are removed: a
 * crash leaves them, and a machine that restarts for months would be full of them.
 *
 * @param root shared by every worker of this machine, and perhaps of others
 */
export async function openScratch(root: string): Promise<Scratch> {
  const prefix = `${hostname()}-`
  const dir = join(root, `${prefix}${process.pid}`)
  const begun: UploadNote[] = []
  await mkdir(root, { recursive: true })
  for (const name of await readdir(root)) {
    if (!name.startsWith(prefix)) continue
    const pid = Number(name.slice(prefix.length))
    // In a container every life of the worker may have the same id.
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) {
      begun.push(...(await notesIn(join(root, name))))
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
  await mkdir(dir, { recursive: true })
  return {
    dir,
    begun,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

async function notesIn(dir: string): Promise<UploadNote[]> {
  const notes: UploadNote[] = []
  const files = await readdir(dir, { recursive: true }).catch(() => [])
  for (const name of files.filter((file) => file.endsWith('.upload'))) {
    const text = await readFile(join(dir, name), 'utf8').catch(() => '')
    try {
      notes.push(v.parse(Note, JSON.parse(text)))
    } catch {
      // Written halfway: its upload had no part yet.
    }
  }
  return notes
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
