import { randomUUID } from 'node:crypto'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectory } from './make-directory.ts'

/** What a file that is being written is called; whoever finds one in a folder may ignore it. */
const PARTIAL_SUFFIX = '.partial'

export interface WriteOptions {
  /** Come back only when a loss of power cannot take the file away again. */
  fsync?: boolean
}

/**
 * Write a file so that a reader sees all of it or none: beside its place, then renamed. Two writers of
 * one file are each whole, and one of them is the last.
 *
 * @param content its text, or what writes it to the path that it is given
 * @throws what the file system throws; nothing is left behind then
 */
export async function writeAtomically(
  target: string,
  content: string | ((partial: string) => Promise<void>),
  { fsync = false }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(target)
  await makeDirectory(folder)
  const partial = `${target}.${randomUUID().slice(0, 8)}${PARTIAL_SUFFIX}`
  try {
    if (typeof content === 'string') await writeFile(partial, content, { flag: 'wx' })
    else await content(partial)
    if (fsync) await fsyncPath(partial)
    await rename(partial, target)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  if (fsync) await fsyncPath(folder) // a new name is only safe on disk when its folder is
}

/** Have a file or a folder on the disk before going on. */
export async function fsyncPath(path: string): Promise<void> {
  await using file = await open(path)
  await file.sync()
}
