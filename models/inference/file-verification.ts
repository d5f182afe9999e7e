import { createHash } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ModelError } from './errors.ts'
import type { BundleFile } from './manifest.ts'
import { sha256File } from '../system/sha256-file.ts'
import { writeAtomically } from '../system/write-atomic.ts'

const VerificationRecord = v.object({
  /** The bundle's id. */
  id: v.string(),
  /** Size, time of change and inode of each file when its hash was right. */
  files: v.record(v.string(), v.string()),
  /** Hosts (see `loadSession`) on which the golden numbers were right. */
  tested: v.array(v.string()),
})
const Readable = v.pipe(v.string(), v.parseJson(), VerificationRecord)
export type VerificationRecord = v.InferOutput<typeof VerificationRecord>

/** What is remembered about the bundles of one machine; a bundle's own folder may be read-only. */
export interface VerificationStore {
  /** @returns undefined where nothing is known */
  read(): Promise<VerificationRecord | undefined>
  /** @returns why it could not be written */
  write(stamp: VerificationRecord): Promise<string | undefined>
}

/** @param folder where stamps are kept; nothing is remembered where unset */
export function stampsOf(bundle: string, folder: string | undefined): VerificationStore {
  const file = async () => {
    const name = createHash('sha256').update(await realpath(bundle))
    return join(folder!, `${name.digest('hex').slice(0, 32)}.json`)
  }
  return {
    async read() {
      if (!folder) return undefined
      const text = await readFile(await file(), 'utf8').catch(() => '')
      const parsed = v.safeParse(Readable, text)
      return parsed.success ? parsed.output : undefined
    },
    async write(stamp) {
      if (!folder) return undefined
      try {
        await writeAtomically(await file(), JSON.stringify(stamp))
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    },
  }
}

/**
 * Check the files of a bundle: sizes always; hashes unless `known` says that they were right and
 * nothing was changed since.
 *
 * @returns what is now known
 * @throws ModelError naming the file and what is wrong with it; the signal's reason
 */
export async function checkFiles(
  directory: string,
  id: string,
  files: readonly BundleFile[],
  known: VerificationRecord | undefined,
  signal?: AbortSignal,
): Promise<VerificationRecord> {
  // Looked at before they are read, so that a change meanwhile is noticed at the next start.
  const marks = await Promise.all(files.map((file) => fileIdentity(directory, file)))
  const stamp = { id, files: Object.fromEntries(marks), tested: [] }
  const same = ([name, mark]: [string, string]) => known!.files[name] === mark
  if (known?.id === id && marks.every(same)) return known
  for (const file of files) await checkHash(join(directory, file.file), file.sha256, signal)
  return stamp
}

async function fileIdentity(
  directory: string,
  { file, bytes }: BundleFile,
): Promise<[string, string]> {
  const path = join(directory, file)
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found?.isFile() && Number(found.size) === bytes) {
    return [file, `${found.size} ${found.mtimeNs} ${found.ino}`]
  }
  const size = found ? `has ${found.size} bytes` : 'is missing'
  throw new ModelError('bundle', `${path} ${size}; the manifest says ${bytes} bytes`)
}

async function checkHash(path: string, sha256: string, signal?: AbortSignal): Promise<void> {
  if ((await sha256File(path, signal)) === sha256) return
  throw new ModelError('bundle', `${path} is damaged: its SHA-256 is not the manifest's`)
}
