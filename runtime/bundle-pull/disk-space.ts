import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Bytes that are free where a directory is, or will be. */
export async function freeBytes(directory: string): Promise<number> {
  const there = await stat(directory).catch(() => undefined)
  if (there === undefined && dirname(directory) !== directory) return freeBytes(dirname(directory))
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}
