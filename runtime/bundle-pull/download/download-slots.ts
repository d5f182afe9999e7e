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
  for (const file of files) {
    meter.expect(file.bytes)
    onFile(file, 'begun')
    for (const { address, newest } of addressesOf(file, options)) {
      try {
        const found = await downloadFile(file, address, options)
        if (newest)
          onNote(`${file.path}: the pinned revision is gone; the newest has the same file`)
        onFile(file, 'done')
        return found
      } catch (error) {
        options.signal.throwIfAborted()
        if (!isAbsent(error)) throw toPullError(error, file, address, options.authorized)
        absent.push(withoutQuery(address))
      }
    }
    meter.expect(-file.bytes)
    onFile(file, 'done')
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

interface Address {
  address: string
  newest?: boolean
}

function addressesOf(file: OfficialFile, { mirror, endpoint }: SlotOptions): Address[] {
  const own =
    mirror === undefined ? [] : [{ address: `${mirror.replace(/\/+$/, '')}/${file.path}` }]
  return [
    ...own,
    ...file.sources.flatMap((source): Address[] => {
      const newest = atNewestRevision(source)
      return [
        { address: addressOf(source, endpoint) },
        ...(newest ? [{ address: addressOf(newest, endpoint), newest: true }] : []),
      ]
    }),
  ]
}

const withoutQuery = (address: string): string => address.replace(/[?#].*/, '')

function toPullError(
  error: unknown,
  { path }: OfficialFile,
  address: string,
  authorized: boolean,
): unknown {
  if (!(error instanceof NetworkError)) return error
  const { host } = new URL(address)
  const { status } = error
  if (status === 401 || status === 403) {
    const [, repository] = /^(.+)\/resolve\//.exec(withoutQuery(address)) ?? []
    const terms =
      repository === undefined ? '' : ` whose owner has accepted the terms of ${repository}`
    const todo = authorized
      ? `HF_TOKEN must be a valid token${terms}`
      : `set HF_TOKEN to a token${terms}`
    const message = `${host} does not give ${path} to us (${status}); ${todo}`
    return new PullError('ACCESS_DENIED', message, { cause: error })
  }
  const todo = error.permanent
    ? 'look at the address and at HF_ENDPOINT'
    : 'try again: what has come is kept'
  const message = `${host} ${error.message} (${path}); ${todo}`
  return new PullError('HUB_UNAVAILABLE', message, { cause: error })
}
