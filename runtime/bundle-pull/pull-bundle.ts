import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../../handler/errors.ts'
import type { GuardedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Timeouts } from '../../handler/net/timeouts.ts'
import { filesOf, readManifest, type Manifest } from '../../models/inference/manifest.ts'
import { lockDirectory } from './directory-lock.ts'
import { gatherFiles } from './gather-files.ts'
import type { LocalPlaces } from './local-files.ts'
import type { AcceptFile, FileSlot, LocalFile } from './official-files.ts'
import { toPullError } from './pull-error.ts'
import { PROGRESS_MS, type PullEvent } from './pull-events.ts'

/** Which of its forms a bundle is wanted in. */
export interface Variant {
  precision: 'fp32' | 'fp16'
  /** With a graph for CUDA alone. */
  cuda: boolean
}

/** How a bundle is made of its files; writes all of it, manifest included, into an empty folder. */
export interface Recipe {
  slots: readonly FileSlot[]
  /** Bytes of the bundle. */
  size(variant: Variant): Promise<number>
  /** Which weights will do that are not the official ones. */
  accepts: AcceptFile
  fill(
    checkpoints: readonly LocalFile[],
    out: string,
    variant: Variant,
    call: { signal: AbortSignal; onProgress(done: number, total: number): void },
  ): Promise<void>
}

export interface PullOptions {
  name: string
  /** Folder of the bundle. */
  directory: string
  recipe: Recipe
  variant: Variant
  /** Whether a bundle in another form is replaced. */
  exact: boolean
  places: LocalPlaces
  /** Base address of files in the official layout, asked before the hub. */
  mirror?: string
  endpoint: string
  token?: string
  /** Fetch nothing. */
  offline: boolean
  allowUnknown: boolean
  /** Leave the downloaded files where they are. */
  keep: boolean
  fetch: GuardedFetch
  timeouts: Timeouts
  /** Looks at a finished bundle before it takes its place. @throws ModelError */
  verify(directory: string, signal: AbortSignal): Promise<void>
  signal: AbortSignal
  onEvent(event: PullEvent): void
}

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

async function pullAlone(options: PullOptions): Promise<PulledBundle> {
  const { directory, keep, onEvent, recipe, signal, variant, verify } = options
  const work = workDirectory(directory)
  const [files, bundle, replaced] = ['files', 'bundle', 'replaced'].map((name) => join(work, name))
  const clean = async () => {
    for (const folder of [bundle!, replaced!]) await rm(folder, { recursive: true, force: true })
    if (!keep) await rm(files!, { recursive: true, force: true })
  }
  const present = await findPresent(options) // who was waited for has made it
  if (present) {
    await clean()
    return present
  }
  for (const folder of [bundle!, replaced!]) await rm(folder, { recursive: true, force: true })
  const checkpoints = await gatherFiles(files!, options)
  await mkdir(bundle!, { recursive: true })
  const startFill = performance.now()
  const report = throttle((bytes: number, total: number) => {
    const seconds = (performance.now() - startFill) / 1000
    const etaS = bytes > 0 ? (seconds * (total - bytes)) / bytes : undefined
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
