import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freeBytes } from './disk-space.ts'
import { cameFrom } from './download/download-file.ts'
import { addressesOf, downloadSlots } from './download/download-slots.ts'
import { formatBytes } from './format-bytes.ts'
import { createHubFetch } from './download/hub-client.ts'
import { findLocalFiles } from './local-files.ts'
import type { AcceptFile, FileSlot, LocalFile, OfficialFile } from './official-files.ts'
import type { PullOptions, Recipe } from './pull-options.ts'
import { PullError } from './pull-error.ts'
import { PROGRESS_MS, type PlannedFile } from './pull-events.ts'
import { createTransferMeter } from './download/transfer-meter.ts'

/**
 * Find a file for each part of a bundle on this machine, or fetch it.
 *
 * @param directory of what is fetched
 * @throws PullError; the signal's reason; the error of the file system
 */
export async function gatherFiles(directory: string, options: PullOptions): Promise<LocalFile[]> {
  const { endpoint, mirror, offline, onEvent, places, recipe, signal } = options
  const { allowUnknown, variant } = options
  const wanted = recipe.slots.flatMap((slot) => slot.files)
  const found = await findLocalFiles(wanted, {
    ...{ accept: acceptHere(directory, options), signal },
    places: { ...places, trees: [directory, ...places.trees] },
    onMismatch(path, file) {
      const todo = allowUnknown
        ? 'it came from another address than those that are asked now'
        : `it is not the official ${file.path}; --allow-unknown takes it`
      onEvent({ type: 'note', message: `${path} is not used: ${todo}` })
    },
  })
  const chosen = recipe.slots.map(({ files }) => files.find((file) => found.has(file)))
  const missing = recipe.slots.filter(({ optional }, i) => !chosen[i] && !(offline && optional))
  const here = chosen.filter((file) => file !== undefined)
  const toFetch = missing.map(({ files }) => files[0]!)
  const size = await recipe.size(variant)
  const left = await Promise.all(
    toFetch.map(async ({ path, bytes }) => bytes - (await partialBytes(directory, path))),
  )
  const needed = left.reduce((sum, bytes) => sum + Math.max(0, bytes), size)
  const free = await freeBytes(directory)
  const local = here.map(async (file) => {
    const { file: path } = found.get(file)!
    return { ...summaryOf(file, recipe), bytes: (await stat(path)).size, local: path }
  })
  onEvent({
    ...{ type: 'plan', name: options.name, directory: options.directory, ...variant },
    from: mirror ?? endpoint,
    here: await Promise.all(local),
    fetch: toFetch.map((file) => summaryOf(file, recipe)),
    ...{ bundleBytes: size, neededBytes: needed, freeBytes: free },
  })
  if (offline && missing.length > 0) throw offlineError(toFetch, options)
  if (free < needed) {
    const message = `${dirname(options.directory)} has ${formatBytes(free)} free, and ${formatBytes(needed)} are needed`
    throw new PullError('DISK_FULL', `${message}; make room, or name another folder`)
  }
  const fetched = missing.length > 0 ? await fetchSlots(missing, directory, options) : []
  const all = [...here.map((file) => found.get(file)), ...fetched]
  return withoutHalves(
    all.filter((file) => file !== undefined),
    options,
  )
}

async function partialBytes(directory: string, path: string): Promise<number> {
  const found = await stat(join(directory, `${path}.partial`)).catch(() => undefined)
  return found?.size ?? 0
}

const acceptFor = ({ allowUnknown, recipe }: PullOptions): AcceptFile =>
  allowUnknown ? async () => true : recipe.accepts

/** What an earlier pull has brought will do where this one would bring the same: it may have asked another hub. */
function acceptHere(directory: string, options: PullOptions): AcceptFile {
  const accept = acceptFor(options)
  return async (file, path, signal) => {
    const addresses = addressesOf(file, options).flat()
    const brought = path.startsWith(join(directory, '/'))
    if (
      brought &&
      !(await cameFrom(
        path,
        addresses.map(({ address }) => address),
      ))
    )
      return false
    return accept(file, path, signal)
  }
}

/** Optional files are of use together only. */
function withoutHalves(files: LocalFile[], { recipe, onEvent }: PullOptions): LocalFile[] {
  const has = ({ files: any }: FileSlot) =>
    any.some((one) => files.some(({ path }) => path === one.path))
  const optional = recipe.slots.filter((slot) => slot.optional)
  if (optional.every(has)) return files
  const message = 'the bundle gets no face detection: jobs must bring face.boxes'
  onEvent({ type: 'note', message })
  const names = optional.flatMap((slot) => slot.files.map(({ path }) => path))
  return files.filter(({ path }) => !names.includes(path))
}

async function fetchSlots(
  slots: readonly FileSlot[],
  directory: string,
  options: PullOptions,
): Promise<(LocalFile | undefined)[]> {
  const { endpoint, fetch, mirror, onEvent, signal, timeouts, token } = options
  const meter = createTransferMeter()
  const running = new Set<OfficialFile>()
  const timer = setInterval(() => {
    const file = [...running].toSorted((a, b) => b.bytes - a.bytes)[0]?.path
    onEvent({ type: 'progress', phase: 'download', ...meter.read(), ...(file && { file }) })
  }, PROGRESS_MS)
  try {
    return await downloadSlots(slots, {
      fetch: createHubFetch({ fetch, endpoint, ...(token !== undefined && { token }) }),
      ...{ accept: acceptFor(options), directory, endpoint, meter, mirror, signal, timeouts },
      authorized: token !== undefined,
      onNote: (message) => onEvent({ type: 'note', message }),
      onFile(file, state) {
        if (state === 'begun') running.add(file)
        else running.delete(file)
      },
    })
  } finally {
    clearInterval(timer)
  }
}

function summaryOf(file: OfficialFile, { slots }: Recipe): PlannedFile {
  const { path, bytes, sources } = file
  const { license } = slots.find(({ files }) => files.includes(file))!
  return { path, bytes, license, origin: originOf(sources[0]!) }
}

const originOf = (source: OfficialFile['sources'][number]): string =>
  'url' in source ? source.url : `${source.repository} @ ${source.revision}`

function offlineError(files: readonly OfficialFile[], { places }: PullOptions): PullError {
  const names = files.map(({ path }) => path).join(', ')
  const where = [...places.trees, ...places.hubCaches].join(', ') || 'nowhere'
  const message = `HF_HUB_OFFLINE is set, and these files are not here: ${names} (looked in ${where})`
  return new PullError('OFFLINE', `${message}; bring them with --from, or unset HF_HUB_OFFLINE`)
}
