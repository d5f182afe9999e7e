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
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Models } from '../../../models/inference/models.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { sha256File } from '../../../models/system/sha256-file.ts'
import type { VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'
import { RecordFile } from './record-file.ts'

/** Where a generated face goes. */
export interface FacePlacement {
  box: Box
  /** 0..1: how much of it shows. */
  fade: number
  /** Its record. */
  slot: number
}

/** What a scan learned, beside the records. */
export interface ScanResult {
  /** One per source frame; null without a face. */
  placed: (FacePlacement | null)[]
  fingerprints: number[]
}

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

export type ScanOptions = Pick<RenderOptions, 'face' | 'compat' | 'mask'>

/** Raised whenever a scan of the same video would learn something else than before. */
const REVISION = 6

/**
 * The name of what a scan would learn: the video's content, the models, and all options that count.
 * The limit counts because a clip's neutral mouth is drawn from the frames that were looked at.
 */
export async function avatarKey(
  { file, facts }: { file: string; facts: VideoInfo },
  limit: number,
  options: ScanOptions,
  { models, signal }: { models: Models; signal: AbortSignal },
): Promise<string> {
  const content = await sha256File(file, signal)
  const frames = Math.ceil((facts.durationS ?? Infinity) * (facts.rate.num / facts.rate.den)) + 1
  const looked = facts.still ? 1 : Math.min(limit, frames) // all is all, however long the sound
  const { face, compat, mask } = options
  const parsed = models.graphs.parse ? mask : undefined
  const parts = [REVISION, content, models.id, facts, looked, face, compat, parsed]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
