import { copyFile, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Models } from '../../../models/inference/models.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { sha256File } from '../../../models/system/sha256-file.ts'
import { fsyncPath } from '../../../models/system/write-atomic.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import type { SourceAudio } from '../media/probe.ts'
import type { Region } from '../face/face-box.ts'
import type { RenderOptions } from '../render-options.ts'
import { RecordFile } from './record-file.ts'
import { makeDirectory } from '../../../models/system/make-directory.ts'

/** Where a generated face goes. */
export interface FacePlacement {
  box: Box
  /** 0..1: how much of it shows. */
  fade: number
  /** Its record. */
  slot: number
}

/** Where a face was seen, frame px, and how surely. */
export interface SeenFace {
  region: Region
  score: number
  /** How sure it is that they speak in the source, 0..1; only where that was asked for and found. */
  sureness?: number
}

/** What a scan learned, beside the records. */
export interface ScanResult {
  /** One per source frame; null without a face. */
  placed: (FacePlacement | null)[]
  fingerprints: number[]
  /** The face in the first frame where it was seen. */
  first?: SeenFace & { frame: number }
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

/** What lies beside the records: all that is needed to know that they are whole. */
interface Entry {
  bytes: number
  /** Of the records and of what the scan learned. */
  sha256: string
  scanned: ScanResult
}

/**
 * A folder with a byte budget; the least recently used entries go first. An entry is a folder that
 * appears by a rename once it is on the disk, so several processes may share the cache. One that a loss
 * of power, a full disk or a bad one has damaged is dropped when it is asked for, and made again.
 */
export function avatarCache({ dir, maxMb }: CacheOptions): AvatarCache {
  const folder = join(dir, 'avatars')
  const maxBytes = maxMb * 1e6
  return {
    async get(key, bytes) {
      const path = join(folder, key)
      try {
        const { scanned } = await readWholeEntry(path)
        const records = await RecordFile.open(join(path, 'states'), bytes)
        const now = new Date()
        await utimes(path, now, now)
        return { records, scanned }
      } catch {
        // Not there, which costs nothing; or damaged.
        await rm(path, { recursive: true, force: true }).catch(() => {})
        return undefined
      }
    },
    async put(key, file, scanned) {
      const partial = join(folder, `.${key}.${process.pid}.partial`)
      try {
        const { size } = await stat(file)
        if (size > maxBytes / 2) return
        await makeDirectory(partial)
        await evictLru(folder, maxBytes - size)
        const [states, about] = [join(partial, 'states'), join(partial, 'scanned.json')]
        await copyFile(file, states)
        const entry: Entry = { bytes: size, sha256: await digestOf(states, scanned), scanned }
        await writeFile(about, JSON.stringify(entry))
        for (const written of [states, about, partial]) await fsyncPath(written)
        await rename(partial, join(folder, key))
        await fsyncPath(folder)
      } catch {
        await rm(partial, { recursive: true, force: true }).catch(() => {})
      }
    },
  }
}

/** @throws where any byte of it is not what was written */
async function readWholeEntry(path: string): Promise<Entry> {
  const states = join(path, 'states')
  const [text, { size }] = await Promise.all([
    readFile(join(path, 'scanned.json'), 'utf8'),
    stat(states),
  ])
  const entry = JSON.parse(text) as Partial<Entry> | null
  if (!entry?.scanned || entry.bytes !== size) throw new Error('the entry is incomplete')
  if (entry.sha256 !== (await digestOf(states, entry.scanned))) throw new Error('it is damaged')
  return entry as Entry
}

async function digestOf(states: string, scanned: ScanResult): Promise<string> {
  const content = await sha256File(states)
  return createHash('sha256').update(content).update(JSON.stringify(scanned)).digest('hex')
}

const ABANDONED_MS = 3_600_000

/** Remove the entries that were used longest ago until at most `bytes` remain, and what never became one. */
async function evictLru(folder: string, bytes: number): Promise<void> {
  const all = await readdir(folder)
  for (const name of all.filter((one) => one.endsWith('.partial'))) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path)
    if (mtimeMs < Date.now() - ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
  const names = all.filter((name) => !name.startsWith('.'))
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const [entry, states] = await Promise.all([
        stat(path),
        stat(join(path, 'states')).catch(() => ({ size: 0 })), // damaged: still to be dropped
      ])
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

export interface ScanOptions extends Pick<RenderOptions, 'face' | 'compat' | 'mask'> {
  /** The source's own, where it has any. */
  sound?: SourceAudio | undefined
}

/** Raised whenever a scan of the same video would learn something else than before. */
const REVISION = 11

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
  const { face, compat, mask } = options
  const parsed = models.graphs.parse ? mask : undefined
  const looked = framesKeyed(facts, limit)
  const parts = [REVISION, content, models.id, facts, looked, face, compat, parsed]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/**
 * Frames that an entry can hold, by the file's own word: all is all, however long the sound. Where there are more
 * (recordings that were strung together), the name of an entry does not say how many were looked at.
 */
export function framesKeyed(
  { still, durationS = Infinity, rate }: VideoInfo,
  limit: number,
): number {
  return still ? 1 : Math.min(limit, Math.ceil(durationS * fps(rate)) + 1)
}
