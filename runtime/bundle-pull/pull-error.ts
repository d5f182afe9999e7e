import { dirname } from 'node:path'
import { isErrno } from '../../handler/errors.ts'
import { CheckpointError } from '../../models/checkpoints/errors.ts'
import { ModelError } from '../../models/inference/errors.ts'
import { freeBytes } from './disk-space.ts'
import { formatBytes } from './format-bytes.ts'

/** Who must act, and whether the same call may succeed later, by code. */
const CODES = {
  UNKNOWN_BUNDLE: ['caller', false],
  /** The hub wants a token, or one whose owner has accepted the terms. */
  ACCESS_DENIED: ['caller', false],
  /** Files are not here, and nothing may be fetched. */
  OFFLINE: ['caller', false],
  /** Files are not those that the bundle is made of. */
  WRONG_WEIGHTS: ['caller', false],
  FILE_NOT_FOUND: ['upstream', false],
  CHECKSUM_MISMATCH: ['upstream', false],
  HUB_UNAVAILABLE: ['upstream', true],
  DISK_FULL: ['worker', true],
  DIRECTORY_UNUSABLE: ['worker', false],
  /** What was read back is not what was written. */
  BUNDLE_BROKEN: ['worker', false],
  INTERRUPTED: ['nobody', true],
} as const
export type PullErrorCode = keyof typeof CODES

/** Why a bundle could not be had: one line that says what was found, what was expected, what to do. */
export class PullError extends Error {
  readonly code: PullErrorCode
  readonly fault: 'caller' | 'upstream' | 'worker' | 'nobody'
  readonly retryable: boolean

  constructor(code: PullErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    ;[this.fault, this.retryable] = CODES[code]
  }
}

/** What the file system says where a folder is not what it should be. */
const UNUSABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'EIO']

/** Whatever was thrown while a bundle was made; as it is where nobody but us can act. */
export async function toPullError(
  thrown: unknown,
  directory: string,
  signal: AbortSignal,
): Promise<unknown> {
  if (thrown instanceof PullError) return thrown
  if (signal.aborted) {
    const message = 'interrupted; the next call goes on where this one stopped'
    return new PullError('INTERRUPTED', message, { cause: thrown })
  }
  if (thrown instanceof CheckpointError) {
    return new PullError('WRONG_WEIGHTS', thrown.message, { cause: thrown })
  }
  if (thrown instanceof ModelError) {
    return new PullError('BUNDLE_BROKEN', thrown.message, { cause: thrown })
  }
  const folder = dirname(directory)
  if (isErrno(thrown, 'ENOSPC') || isErrno(thrown, 'EDQUOT')) {
    const left = formatBytes(await freeBytes(folder).catch(() => 0))
    const message = `the disk of ${folder} is full (${left} left)`
    const todo = 'make room and try again: what has come is kept'
    return new PullError('DISK_FULL', `${message}; ${todo}`, { cause: thrown })
  }
  const { code = '' } = thrown as NodeJS.ErrnoException
  if (!UNUSABLE.includes(code)) return thrown
  const todo = 'set BUNDLES_DIR, or --out, to a folder that can be written'
  const message = `${folder} cannot be used (${code}); ${todo}`
  return new PullError('DIRECTORY_UNUSABLE', message, { cause: thrown })
}
