import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isErrno, UpstreamError, WorkerError } from '../errors.ts'
import { sha256Of } from './checksum.ts'
import type { Storage } from './storage.ts'

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
    async put(key, file, signal) {
      const target = join(root, key)
      const partial = `${target}.partial`
      try {
        await mkdir(dirname(target), { recursive: true })
        await copyFile(file, partial)
        const [{ size }, sha256] = await Promise.all([stat(partial), sha256Of(partial, signal)])
        await rename(partial, target)
        return { url: urlOf(key), bytes: size, sha256 }
      } catch (cause) {
        await rm(partial, { force: true })
        signal.throwIfAborted()
        if (isErrno(cause, 'ENOSPC')) {
          throw new WorkerError('DISK_FULL', 'the output directory is full', { cause })
        }
        const why = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : 'unknown'
        const message = `cannot write to the output directory (${why})`
        throw new UpstreamError('UPLOAD_FAILED', message, { cause })
      }
    },
  }
}
