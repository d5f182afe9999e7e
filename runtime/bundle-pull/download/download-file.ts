import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { InputError } from '../../../handler/errors.ts'
import type { GuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'
import { downloadResumable } from '../../../handler/net/resumable-download.ts'
import type { Timeouts } from '../../../handler/net/timeouts.ts'
import { openHashingFile, type HashingFile } from './hashing-file.ts'
import type { AcceptFile, LocalFile, OfficialFile } from '../official-files.ts'
import { PullError } from '../pull-error.ts'
import type { TransferMeter } from './transfer-meter.ts'
import { makeDirectory } from '../../../models/system/make-directory.ts'

export interface DownloadOptions {
  fetch: GuardedFetch
  /** Where finished files lie, by their paths in the official layout; unfinished ones beside them. */
  directory: string
  /** Asked about a file that is whole, but not the official one. */
  accept: AcceptFile
  timeouts: Timeouts
  meter: TransferMeter
  signal: AbortSignal
}

/** What is remembered of an unfinished file. */
const Resume = v.object({
  address: v.string(),
  validator: v.optional(v.string()),
  total: v.optional(v.number()),
})
const Sidecar = v.pipe(v.string(), v.parseJson(), Resume)
type Resume = v.InferOutput<typeof Resume>

/** Other weights in the place of a file are at most so many times as large; a pointer or an error page is tiny. */
const [MAX_GROWTH, MAX_SHRINKING] = [2, 1000]
const SLACK_BYTES = 1_000_000

/**
 * Fetch one file, going on where an earlier process was stopped; size and SHA-256 are checked while it
 * streams.
 *
 * @throws PullError CHECKSUM_MISMATCH; NetworkError; the signal's reason; the error of the file system
 */
export async function downloadFile(
  file: OfficialFile,
  address: string,
  options: DownloadOptions,
): Promise<LocalFile> {
  const { directory, accept, meter, signal } = options
  const path = join(directory, file.path)
  const partial = `${path}.partial`
  const sidecar = `${partial}.json`
  await makeDirectory(dirname(path))
  await using target = await openHashingFile(partial, signal)
  const resumed = target.opened > 0
  meter.skip(target.opened)
  try {
    const known = await readSidecar(sidecar)
    // One that was whole when its process was killed needs no server.
    const whole = target.opened === file.bytes && target.digest() === file.sha256
    if (!whole) await fetchInto(target, file, address, { ...options, sidecar, known })
  } catch (error) {
    meter.skip(-target.length)
    throw error
  }
  const official = target.digest() === file.sha256
  if (!official && !(await accept(file, partial, signal))) {
    meter.skip(-target.length)
    await Promise.all([rm(partial, { force: true }), rm(sidecar, { force: true })])
    // What an earlier process left may be damaged, so only a file that came in one go is judged.
    if (resumed) return downloadFile(file, address, options)
    throw mismatch(file, address, `its SHA-256 is ${target.digest()}, not ${file.sha256}`)
  }
  // Of other bytes than the official ones nothing but their address says whether they are those that are wanted.
  if (official) await rm(sidecar, { force: true })
  else await rename(sidecar, originNote(path))
  await rename(partial, path)
  return { path: file.path, file: path, ...(official && { sha256: file.sha256 }) }
}

const originNote = (path: string): string => `${path}.origin.json`

/** Whether a file that `downloadFile` brought came from one of these addresses. */
export async function cameFrom(path: string, addresses: readonly string[]): Promise<boolean> {
  const note = await readSidecar(originNote(path))
  return note !== undefined && addresses.includes(note.address)
}

async function fetchInto(
  target: HashingFile,
  file: OfficialFile,
  address: string,
  options: DownloadOptions & { sidecar: string; known: Resume | undefined },
): Promise<void> {
  const { fetch, timeouts, meter, signal, sidecar, known } = options
  const mine = known?.address === address && known.validator !== undefined ? known : undefined
  const maxBytes = MAX_GROWTH * file.bytes + SLACK_BYTES
  let expected = file.bytes
  const metered = {
    async write(...args: Parameters<HashingFile['write']>) {
      const result = await target.write(...args)
      meter.add(result.bytesWritten)
      return result
    },
    truncate: (bytes: number) => target.truncate(bytes),
  }
  try {
    await downloadResumable(address, metered, {
      ...{ fetch, timeouts, maxBytes, signal },
      ...(mine && { resume: { ...mine, bytes: target.opened } }),
      async onResponse({ bytes, total, validator }) {
        if (total !== undefined && (total > maxBytes || total < file.bytes / MAX_SHRINKING)) {
          throw mismatch(file, address, `it has ${total} bytes, not ${file.bytes}`)
        }
        meter.expect((total ?? expected) - expected)
        expected = total ?? expected
        if (bytes > 0) return
        // Before the note, because it must never speak of bytes that another answer brought.
        meter.add(-target.length)
        await target.truncate(0)
        await writeFile(sidecar, JSON.stringify({ address, validator, total }))
      },
    })
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'MEDIA_TOO_LARGE') throw error
    throw mismatch(file, address, `it has more than ${maxBytes} bytes`)
  }
}

async function readSidecar(path: string): Promise<Resume | undefined> {
  const parsed = v.safeParse(Sidecar, await readFile(path, 'utf8').catch(() => ''))
  return parsed.success ? parsed.output : undefined
}

function mismatch({ path }: OfficialFile, address: string, why: string): PullError {
  const { host } = new URL(address)
  const todo = 'fetch from the hub itself, or take these weights as they are with --allow-unknown'
  return new PullError(
    'CHECKSUM_MISMATCH',
    `${path} from ${host} is not the official file: ${why}; ${todo}`,
  )
}

export const isAbsent = (error: unknown): boolean =>
  error instanceof NetworkError && (error.status === 404 || error.status === 410)
