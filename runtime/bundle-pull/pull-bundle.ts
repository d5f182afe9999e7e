import { existsSync } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../../handler/errors.ts'
import { filesOf, readManifest, type Manifest } from '../../models/inference/manifest.ts'
import { lockDirectory } from './directory-lock.ts'
import { gatherFiles } from './gather-files.ts'
import { toPullError } from './pull-error.ts'
import { PROGRESS_MS } from './pull-events.ts'
import type { PullOptions } from './pull-options.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

/** What has been found, or made. */
export interface PulledBundle {
  directory: string
  manifest: Manifest
  id: string
  /** It was there before. */
  present: boolean
}

/**
 * Make a bundle of its official files: find them here or fetch them, fill the graphs, verify, and move
 * the bundle into its place in one step. Whatever interrupts this, the next call goes on.
 *
 * @throws PullError
 */
export async function pullBundle(options: PullOptions): Promise<PulledBundle> {
  const { directory, signal } = options
  try {
    const present = await findPresent(options)
    // One that was killed while it cleaned up has left its downloads.
    if (present && (options.keep || !existsSync(workDirectory(directory)))) return present
    await using lock = await lockDirectory(workDirectory(directory), {
      signal,
      onWait: (owner) => options.onEvent({ type: 'waiting', ...owner }),
    })
    const made = await pullAlone({ ...options, signal: AbortSignal.any([signal, lock.lost]) })
    return made
  } catch (error) {
    throw await toPullError(error, directory, signal)
  }
}

/** Downloads, and the bundle while it is made; beside its place, so that a rename puts it there. */
const workDirectory = (directory: string): string => `${directory}.download`

async function findPresent({
  directory,
  variant,
  exact,
}: PullOptions): Promise<PulledBundle | undefined> {
  try {
    const { manifest, id } = await readManifest(directory)
    for (const { file, bytes } of filesOf(manifest)) {
      if ((await stat(join(directory, file))).size !== bytes) return undefined
    }
    const cuda = manifest.graphs.generate.cuda !== undefined
    const same = manifest.precision === variant.precision && cuda === variant.cuda
    return same || !exact ? { directory, manifest, id, present: true } : undefined
  } catch {
    return undefined
  }
}

/** What the first graphs took says little about the rest. */
const SETTLING_S = 2

async function pullAlone(options: PullOptions): Promise<PulledBundle> {
  const { directory, keep, onEvent, recipe, signal, variant, verify } = options
  const work = workDirectory(directory)
  const [files, bundle, replaced] = ['files', 'bundle', 'replaced'].map((name) => join(work, name))
  const clean = async () => {
    for (const folder of [bundle!, replaced!]) await rm(folder, { recursive: true, force: true })
    if (!keep) await rm(files!, { recursive: true, force: true })
  }
  await restoreReplaced(directory, replaced!)
  const present = await findPresent(options) // who was waited for has made it
  if (present) {
    await clean()
    return present
  }
  for (const folder of [bundle!, replaced!]) await rm(folder, { recursive: true, force: true })
  const checkpoints = await gatherFiles(files!, options)
  await makeDirectory(bundle!)
  const startFill = performance.now()
  const report = throttle((bytes: number, total: number) => {
    const seconds = (performance.now() - startFill) / 1000
    const etaS = seconds > SETTLING_S ? (seconds * (total - bytes)) / bytes : undefined
    onEvent({ type: 'progress', phase: 'fill', bytes, total, ...(etaS !== undefined && { etaS }) })
  })
  await recipe.fill(checkpoints, bundle!, variant, { signal, onProgress: report })
  onEvent({ type: 'progress', phase: 'verify', bytes: 0, total: 0 })
  const { manifest, id } = await readManifest(bundle!)
  await verify(bundle!, signal)
  signal.throwIfAborted()
  for (const name of await readdir(bundle!)) await syncFile(join(bundle!, name))
  // A folder that is not empty can't be renamed over.
  await rename(directory, replaced!).catch(ignoreMissing)
  await rename(bundle!, directory)
  await clean()
  return { directory, manifest, id, present: false }
}

/** One that was killed between its last two steps has moved a bundle aside and put none in its place. */
async function restoreReplaced(directory: string, replaced: string): Promise<void> {
  if (!existsSync(directory)) await rename(replaced, directory).catch(ignoreMissing)
}

/** A power cut must not leave a bundle in place whose bytes were never written. */
async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.datasync()
}

function throttle<Args extends unknown[]>(call: (...args: Args) => void): (...args: Args) => void {
  let last = -Infinity
  return (...args) => {
    const now = performance.now()
    if (now - last < PROGRESS_MS) return
    last = now
    call(...args)
  }
}

const ignoreMissing = (error: unknown): void => {
  if (!isErrno(error, 'ENOENT')) throw error
}
