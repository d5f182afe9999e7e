import { NetworkError } from '../../../handler/net/network-error.ts'
import { allOrAbort } from '../../../handler/system/all-or-abort.ts'
import { downloadFile, isAbsent, type DownloadOptions } from './download-file.ts'
import { addressOf, atNewestRevision } from './hub-client.ts'
import type { FileSlot, LocalFile, OfficialFile } from '../official-files.ts'
import { PullError } from '../pull-error.ts'

export interface SlotOptions extends DownloadOptions {
  endpoint: string
  /** Base address of the official layout, asked before the hub. */
  mirror?: string | undefined
  /** Whether a token is shown to the hub. */
  authorized: boolean
  onNote(message: string): void
  /** Told of each file when it begins and when nothing more is done for it. */
  onFile(file: OfficialFile, state: 'begun' | 'done'): void
}

/**
 * Fetch one file for each slot, all of them side by side.
 *
 * @returns undefined for an optional slot that no source has
 * @throws PullError; the signal's reason; the error of the file system
 */
export async function downloadSlots(
  slots: readonly FileSlot[],
  { signal, ...options }: SlotOptions,
): Promise<(LocalFile | undefined)[]> {
  return allOrAbort(
    signal,
    slots.map((slot) => (signal) => downloadSlot(slot, { ...options, signal })),
  )
}

/** The first of a slot's files that any of its sources has. */
async function downloadSlot(
  { files, optional }: FileSlot,
  options: SlotOptions,
): Promise<LocalFile | undefined> {
  const absent: string[] = []
  const { meter, onFile, onNote } = options
  const [wanted] = files
  for (const file of files) {
    meter.expect(file.bytes)
    onFile(file, 'begun')
    const { found, failure } = await downloadAny(file, options, absent)
    onFile(file, 'done')
    if (found && file !== wanted)
      onNote(`${wanted!.path} is not there; its twin ${file.path} is taken`)
    if (found) return found
    meter.expect(-file.bytes)
    // Where a hub says that it lacks a part that a bundle can do without, a site beside it may be out of reach.
    const lacking = optional && absent.length > 0 && failure?.code === 'HUB_UNAVAILABLE'
    if (failure && !lacking) throw failure
    if (failure) onNote(failure.message)
  }
  const names = files.map(({ path }) => path).join(' or ')
  const message = `${names} is not there (404): asked for ${absent.join(', ')}`
  if (optional) {
    onNote(message)
    return undefined
  }
  const todo = 'a mirror must have the repository; else name a folder or address with --from'
  throw new PullError('FILE_NOT_FOUND', `${message}; ${todo}`)
}

/**
 * A file from the first source that gives it, or why the first that may have it does not.
 * @param absent the addresses that do not have it are added
 * @throws PullError CHECKSUM_MISMATCH; the signal's reason; the error of the file system
 */
async function downloadAny(
  file: OfficialFile,
  options: SlotOptions,
  absent: string[],
): Promise<{ found?: LocalFile; failure?: PullError }> {
  let failure: PullError | undefined
  for (const addresses of addressesOf(file, options)) {
    for (const { address, newest } of addresses) {
      try {
        const found = await downloadFile(file, address, options)
        if (newest)
          options.onNote(`${file.path}: the pinned revision is gone; the newest has the same file`)
        return { found }
      } catch (error) {
        options.signal.throwIfAborted()
        if (!(error instanceof NetworkError)) throw error
        if (isAbsent(error)) {
          absent.push(withoutQuery(address))
          continue
        }
        failure ??= toPullError(error, file, address, options.authorized)
        break // its newest revision is no nearer
      }
    }
  }
  return failure ? { failure } : {}
}

interface Address {
  address: string
  newest?: boolean
}

/** Of each source, in order: where the file is, and where it may have moved. */
export function addressesOf(
  file: OfficialFile,
  { mirror, endpoint }: Pick<SlotOptions, 'mirror' | 'endpoint'>,
): Address[][] {
  const own =
    mirror === undefined ? [] : [[{ address: `${mirror.replace(/\/+$/, '')}/${file.path}` }]]
  const official = file.sources.map((source): Address[] => {
    const newest = atNewestRevision(source)
    return [
      { address: addressOf(source, endpoint) },
      ...(newest ? [{ address: addressOf(newest, endpoint), newest: true }] : []),
    ]
  })
  return [...own, ...official]
}

const withoutQuery = (address: string): string => address.replace(/[?#].*/, '')

function toPullError(
  error: NetworkError,
  { path }: OfficialFile,
  address: string,
  authorized: boolean,
): PullError {
  const { host } = new URL(address)
  const { status } = error
  if (status === 401 || status === 403) {
    const [, repository] = /^(.+)\/resolve\//.exec(withoutQuery(address)) ?? []
    const terms =
      repository === undefined ? '' : ` whose owner has accepted the terms of ${repository}`
    const todo = authorized
      ? `HF_TOKEN must be a valid token${terms}`
      : `set HF_TOKEN to a token${terms}`
    const message = `${host} does not give ${path} to us (${status}); ${todo}, or bring the file with --from`
    return new PullError('ACCESS_DENIED', message, { cause: error })
  }
  const todo = error.permanent
    ? 'look at the address and at HF_ENDPOINT'
    : 'try again: what has come is kept'
  const message = `${host} ${error.message} (${path}); ${todo}`
  return new PullError('HUB_UNAVAILABLE', message, { cause: error })
}
