import { createHash, randomUUID } from 'node:crypto'
import { readFile, readdir, rename } from 'node:fs/promises'
import { rm, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { isProcessAlive } from '../system/process-alive.ts'
import { sha256File } from '../system/sha256-file.ts'
import { fsyncPath } from '../system/write-atomic.ts'
import { makeDirectory } from '../system/make-directory.ts'

/**
 * Where the optimized copy of a graph lies, or would lie. ONNX Runtime rewrites the weights of a
 * graph for the processor whenever it loads one, into memory of its own; from a copy that has been
 * rewritten they are mapped: at once, shared between processes, and for the kernel to drop.
 */
export interface CacheEntry {
  /** Of all copies; other workers may use it at the same time. */
  folder: string
  /** Everything that the copy depends on, hashed. */
  key: string
  /** About how large it will be. */
  bytes: number
}

/** Raised when copies are made in another way. */
const REVISION = 1
const GRAPH = 'graph.onnx'
export const WEIGHTS = 'graph.data'
const STAMP = 'copy.json'
const DAY_MS = 86_400_000
const UNUSED_DAYS = 30
const SPARE_BYTES = 256 << 20 // what a copy leaves free on the disk, for jobs

const Stamp = v.object({
  /** Of the graph itself, which is small. */
  sha256: v.string(),
  weights: v.nullable(v.object({ bytes: v.number(), mtimeNs: v.string() })),
})

/**
 * @param host processor and runtime
 * @param of.sums checksums of the graph and its weights
 */
export function cacheEntry(
  of: { folder: string; sums: string[]; bytes: number },
  host: string,
): CacheEntry {
  const { folder, sums, bytes } = of
  const hash = createHash('sha256').update(JSON.stringify([REVISION, host, ...sums]))
  return { folder, key: hash.digest('hex').slice(0, 32), bytes }
}

/** @returns the copy; undefined where there is none that is whole */
export async function findOptimized({ folder, key }: CacheEntry): Promise<string | undefined> {
  const entry = join(folder, key)
  try {
    const text = await readFile(join(entry, STAMP), 'utf8')
    const made = v.parse(Stamp, JSON.parse(text))
    const now = await stampOf(entry)
    if (JSON.stringify(made) !== JSON.stringify(now)) return undefined
    const used = new Date()
    await utimes(entry, used, used).catch(() => {}) // a cache that is only read
    return join(entry, GRAPH)
  } catch {
    return undefined // not there, half there, or being removed at this moment
  }
}

/**
 * Make a copy; it appears by a rename, so of two workers that make one at the same time the first
 * wins, and nobody finds half of one.
 *
 * @param write writes the graph to the file that it is given, and its weights beside it
 * @throws whatever kept it from being written
 */
export async function writeOptimized(
  place: CacheEntry,
  write: (graph: string) => Promise<void>,
): Promise<string> {
  const { folder, key, bytes } = place
  const entry = join(folder, key)
  const maker = `${hostname()}~${process.pid}~${randomUUID().slice(0, 8)}`
  const partial = join(folder, `.${key}~${maker}.partial`)
  try {
    await makeDirectory(partial)
    await evictStale(folder)
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < bytes + SPARE_BYTES) throw new Error('too little room on the disk')
    await write(join(partial, GRAPH))
    // A machine that loses power must not find a copy whose name came to the disk before its bytes.
    for (const name of await readdir(partial)) await fsyncPath(join(partial, name))
    await writeFile(join(partial, STAMP), JSON.stringify(await stampOf(partial)))
    await fsyncPath(join(partial, STAMP))
    if (!(await moveIfFree(partial, entry)) && !(await findOptimized(place))) {
      // What stands there is damaged. It is moved, not removed: half of it must not be found meanwhile.
      await rename(entry, `${partial}~damaged`).catch(() => {})
      await moveIfFree(partial, entry)
    }
    return join(entry, GRAPH)
  } finally {
    for (const left of [partial, `${partial}~damaged`]) {
      await rm(left, { recursive: true, force: true }).catch(() => {})
    }
  }
}

/** @returns false where something stands there already, which is left as it is */
async function moveIfFree(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code!)) return false
    throw error
  }
}

/** Forget a copy that turned out to be bad. */
export const removeOptimized = ({ folder, key }: CacheEntry): Promise<void> =>
  rm(join(folder, key), { recursive: true, force: true })

async function stampOf(entry: string): Promise<v.InferOutput<typeof Stamp>> {
  const sha256 = await sha256File(join(entry, GRAPH))
  const found = await stat(join(entry, WEIGHTS), { bigint: true }).catch(() => null)
  const weights = found && { bytes: Number(found.size), mtimeNs: String(found.mtimeNs) }
  return { sha256, weights }
}

/**
 * Remove what nobody has used for long: copies for bundles, processors and runtimes of the past. What
 * a killed process left half made goes at once, lest a worker that dies at every start fill the disk.
 */
async function evictStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const { mtimeMs = Infinity } = (await stat(path).catch(() => undefined)) ?? {}
    const days = name.startsWith('.') ? 1 : UNUSED_DAYS
    if (Date.now() - mtimeMs > days * DAY_MS || isOrphaned(name, mtimeMs)) {
      await rm(path, { recursive: true, force: true })
    }
  }
}

/** Whether a half made copy is that of a process of this machine which is gone. */
function isOrphaned(name: string, mtimeMs: number): boolean {
  const [, host, id] = name.split('~')
  if (!name.startsWith('.') || host !== hostname()) return false
  // In a container every life of the worker may have the same id.
  const before = mtimeMs < Date.now() - process.uptime() * 1000
  return Number(id) === process.pid ? before : !isProcessAlive(Number(id))
}
