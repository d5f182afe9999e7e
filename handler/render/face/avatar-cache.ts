import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { RecordFile } from './record-file.ts'
import type { ScanResult } from './scan-result.ts'

/** What was learned about videos, kept for the next job with the same one. */
export interface AvatarCache {
  /** @param bytes size of one record */
  get(key: string, bytes: number): Promise<{ records: RecordFile; scanned: ScanResult } | undefined>
  /** Keep a copy; a cache that cannot be written is no reason to fail a job. */
  put(key: string, file: string, scanned: ScanResult): Promise<void>
}

export interface CacheOptions {
  dir: string
  maxMb: number
}

/**
 * A folder with a byte budget; the least recently used entries go first. An entry is a folder that
 * appears by a rename, so several processes may share the cache.
 */
export function avatarCache({ dir, maxMb }: CacheOptions): AvatarCache {
  const folder = join(dir, 'avatars')
  const maxBytes = maxMb * 1e6
  return {
    async get(key, bytes) {
      const entry = join(folder, key)
      try {
        const scanned = JSON.parse(
          await readFile(join(entry, 'scanned.json'), 'utf8'),
        ) as ScanResult
        const records = await RecordFile.open(join(entry, 'states'), bytes)
        const now = new Date()
        await utimes(entry, now, now)
        return { records, scanned }
      } catch {
        return undefined // not there, or being removed at this moment
      }
    },
    async put(key, file, scanned) {
      const partial = join(folder, `.${key}.${process.pid}.partial`)
      try {
        const { size } = await stat(file)
        if (size > maxBytes / 2) return
        await mkdir(partial, { recursive: true })
        await evictLru(folder, maxBytes - size)
        await copyFile(file, join(partial, 'states'))
        await writeFile(join(partial, 'scanned.json'), JSON.stringify(scanned))
        await rename(partial, join(folder, key))
      } catch {
        await rm(partial, { recursive: true, force: true })
      }
    },
  }
}

/** Remove the entries that were used longest ago until at most `bytes` remain. */
async function evictLru(folder: string, bytes: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'))
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const [entry, states] = await Promise.all([stat(path), stat(join(path, 'states'))])
      return { path, bytes: states.size, used: entry.mtimeMs }
    }),
  )
  let total = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  for (const entry of entries.toSorted((a, b) => a.used - b.used)) {
    if (total <= bytes) return
    await rm(entry.path, { recursive: true, force: true })
    total -= entry.bytes
  }
}
