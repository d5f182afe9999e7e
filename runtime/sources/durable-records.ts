import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

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
  await mkdir(dir, { recursive: true })
  let last = 0
  const fileOf = (key: string) => join(dir, `${hash(key)}.json`)
  return {
    async put(key, record) {
      last = Math.max(last + 1, Date.now()) // two of one millisecond keep their order too
      const at = last
      const temporary = join(dir, `${randomUUID()}.draft`)
      try {
        await write(temporary, JSON.stringify({ at, record }))
        await rename(temporary, fileOf(key))
      } catch (error) {
        await rm(temporary, { force: true }) // a full disk would fill up with them
        throw error
      }
      await syncFolder(dir)
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

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new name is only safe on disk when its folder is. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
