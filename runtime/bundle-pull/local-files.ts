import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256File } from '../../models/system/sha256-file.ts'
import type { AcceptFile, LocalFile, OfficialFile } from './official-files.ts'

/** Where files may be already. */
export interface LocalPlaces {
  /** Folders that are looked through as a whole, whatever their files are called. */
  trees: readonly string[]
  /** Caches in the layout of the hub's own clients: models--OWNER--NAME/snapshots/REVISION/PATH. */
  hubCaches: readonly string[]
}

export interface LocalFileOptions {
  places: LocalPlaces
  /** Asked about what lies in the place of a file, but is not it. */
  accept: AcceptFile
  signal: AbortSignal
  /** Told of a file that has the name, but is another one. */
  onMismatch(path: string, file: OfficialFile): void
}

/** Deep enough for any layout, and an end for a folder that was named by mistake. */
const MAX_DEPTH = 8
const MAX_ENTRIES = 100_000

/**
 * Find files that are here already: by size and SHA-256, and others by their names where they will do.
 *
 * @throws the signal's reason
 */
export async function findLocalFiles(
  files: readonly OfficialFile[],
  { places, accept, signal, onMismatch }: LocalFileOptions,
): Promise<Map<OfficialFile, LocalFile>> {
  const found = new Map<OfficialFile, LocalFile>()
  const digests = new Map<string, string>() // of real paths: snapshots of a cache link to its blobs
  const digestOf = async (path: string) => {
    const real = await realpath(path)
    const known = digests.get(real)
    if (known !== undefined) return known
    const digest = await sha256File(real, signal)
    digests.set(real, digest)
    return digest
  }
  const trees = await Promise.all(places.trees.map((tree) => listTree(tree, signal)))
  const candidates = trees.flat()
  for (const file of files) {
    const named = [
      ...places.trees.map((tree) => join(tree, file.path)),
      ...(await cachedPaths(places.hubCaches, file)),
    ]
    const bySize = candidates.filter(({ bytes }) => bytes === file.bytes).map(({ path }) => path)
    for (const path of new Set([...named, ...bySize])) {
      signal.throwIfAborted()
      const size = await sizeOf(path)
      if (size === undefined) continue
      if (size === file.bytes && (await digestOf(path)) === file.sha256) {
        found.set(file, { path: file.path, file: path, sha256: file.sha256 })
        break
      }
      if (!named.includes(path) || found.has(file)) continue
      if (await accept(file, path, signal)) found.set(file, { path: file.path, file: path })
      else onMismatch(path, file)
    }
  }
  return found
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

/** Every file below a folder; links to files count, links to folders are not followed. */
async function listTree(
  root: string,
  signal: AbortSignal,
): Promise<{ path: string; bytes: number }[]> {
  const files: { path: string; bytes: number }[] = []
  let entries = 0
  const walk = async (folder: string, depth: number): Promise<void> => {
    signal.throwIfAborted()
    const all = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of all) {
      if (++entries > MAX_ENTRIES) return
      const path = join(folder, entry.name)
      if (entry.isDirectory() && depth < MAX_DEPTH) await walk(path, depth + 1)
      const bytes = entry.isDirectory() ? undefined : await sizeOf(path)
      if (bytes !== undefined) files.push({ path, bytes })
    }
  }
  await walk(root, 0)
  return files
}

/** Where the hub's clients would have put a file: the pinned revision first, then any other. */
async function cachedPaths(caches: readonly string[], file: OfficialFile): Promise<string[]> {
  const paths: string[] = []
  for (const cache of caches) {
    for (const source of file.sources) {
      if (!('repository' in source)) continue
      const folder = join(cache, `models--${source.repository.replaceAll('/', '--')}`)
      const revisions = await readdir(join(folder, 'snapshots')).catch(() => [])
      const others = revisions.filter((revision) => revision !== source.revision)
      paths.push(
        ...[source.revision, ...others].map((name) => join(folder, 'snapshots', name, source.path)),
        join(folder, 'blobs', file.sha256),
      )
    }
  }
  return paths
}
