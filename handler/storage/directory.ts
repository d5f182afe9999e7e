import { createWriteStream } from 'node:fs'
import { copyFile, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { writeAtomically } from '../../models/system/write-atomic.ts'
import { isErrno, JobError, UpstreamError, WorkerError } from '../errors.ts'
import { sha256File } from '../../models/system/sha256-file.ts'
import { fileSizeAndDigest, MeasuredBytes } from './storage.ts'
import { sidecarFrom, sidecarOf, urlPath, type Storage } from './storage.ts'

const LISTED = 10_000 // names

/** Where the worker itself serves what its directory store holds. */
export const filesUrl = (base: string, key: string): string =>
  `${base.replace(/\/+$/, '')}/files/${urlPath(key)}`

/**
 * Results in a folder of this machine. A reader never sees half a file: it is written beside its
 * place and renamed.
 *
 * @param urlOf what to answer for a key: a URL, or the path itself
 */
export function directoryStorage(
  root: string,
  urlOf: (key: string) => string = (key) => join(root, key),
): Storage {
  return {
    kind: 'directory',
    put: (key, file, signal) =>
      mapErrors(signal, async () => {
        const { bytes, sha256 } = await fileSizeAndDigest(file, signal)
        await writeAtomically(join(root, key), async (partial) => {
          await copyFile(file, partial)
          if ((await sha256File(partial, signal)) !== sha256) throw new Error('copied wrongly')
        })
        return { key, url: urlOf(key), bytes, sha256 }
      }),
    putGrowing: (key, file, signal) =>
      mapErrors(signal, async () => {
        const measured = new MeasuredBytes()
        await writeAtomically(join(root, key), (partial) =>
          pipeline(measured.pass(file.read(signal)), createWriteStream(partial, { flags: 'wx' })),
        )
        return { key, url: urlOf(key), bytes: measured.bytes, sha256: measured.sha256() }
      }),
    putMetadata: (key, sidecar, signal) =>
      mapErrors(signal, () => writeAtomically(join(root, sidecarOf(key)), JSON.stringify(sidecar))),
    find: (key, signal) =>
      mapErrors(signal, async () => {
        const file = join(root, key)
        const text = await readFile(join(root, sidecarOf(key)), 'utf8').catch(ignoreMissing)
        const found = await stat(file).catch(ignoreMissing)
        if (text === undefined || !found?.isFile()) return undefined
        const sha256 = await sha256File(file, signal)
        return { key, url: urlOf(key), bytes: found.size, sha256, sidecar: sidecarFrom(text) }
      }),
    fetch: (key, file, signal) => mapErrors(signal, () => copyFile(join(root, key), file)),
    list: (folder, signal) =>
      mapErrors(signal, async () => {
        const files = (await readdir(join(root, folder)).catch(ignoreMissing)) ?? []
        const listed = files.slice(0, LISTED).map(async (file) => {
          const found = await stat(join(root, folder, file)).catch(ignoreMissing)
          return found ? [{ name: `${folder}/${file}`, storedAt: found.mtime }] : []
        })
        return (await Promise.all(listed)).flat()
      }),
    remove: (key, signal) =>
      mapErrors(signal, async () => {
        await rm(join(root, sidecarOf(key)), { force: true })
        await rm(join(root, key), { force: true })
      }),
  }
}

async function mapErrors<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  try {
    signal.throwIfAborted()
    return await run()
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof JobError) throw cause
    if (isErrno(cause, 'ENOSPC') || isErrno(cause, 'EDQUOT')) {
      throw new WorkerError('DISK_FULL', 'the output directory is full', { cause })
    }
    const { code = (cause as Error).message } = cause as NodeJS.ErrnoException
    throw new UpstreamError('UPLOAD_FAILED', `cannot write to the output directory (${code})`, {
      cause,
    })
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT')) throw error
}
