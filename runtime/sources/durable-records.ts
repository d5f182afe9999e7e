import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../../models/system/write-atomic.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

/** A folder of small JSON records by key: one that was put is there after a loss of power. */
export interface DurableRecords<T> {
  /** @throws what the file system throws */
  put(key: string, record: T): Promise<void>
  /** One that is not there is fine. @throws what the file system throws */
  remove(key: string): Promise<void>
  /** All that can be read, the oldest first; what cannot be is removed. */
  all(): Promise<T[]>
}

/** @param parse undefined for what is none of these records: another version's, or damaged */
export async function openRecords<T>(
  dir: string,
  parse: (json: unknown) => T | undefined,
): Promise<DurableRecords<T>> {
  await makeDirectory(dir)
  let last = 0
  const fileOf = (key: string) => join(dir, `${hash(key)}.json`)
  return {
    async put(key, record) {
      last = Math.max(last + 1, Date.now()) // two of one millisecond keep their order too
      const at = last
      await writeAtomically(fileOf(key), JSON.stringify({ at, record }), { fsync: true })
    },
    async remove(key) {
      await rm(fileOf(key), { force: true })
    },
    async all() {
      const found: { at: number; record: T }[] = []
      for (const name of await readdir(dir)) {
        const path = join(dir, name)
        const { at, record } = name.endsWith('.json') ? await readJson(path) : {}
        const parsed = parse(record)
        if (parsed === undefined) await rm(path, { force: true })
        else found.push({ at: Number(at) || 0, record: parsed })
      }
      return found.toSorted((a, b) => a.at - b.at).map(({ record }) => record)
    },
  }
}

/** Keys come from outside, so they name no files. */
const hash = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 32)

async function readJson(file: string): Promise<{ at?: unknown; record?: unknown }> {
  try {
    return Object(JSON.parse(await readFile(file, 'utf8'))) as object
  } catch {
    return {}
  }
}
