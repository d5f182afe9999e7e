import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A file kept in the repository under test/golden. */
export function golden(path: string): string {
  return resolve(ROOT, 'test/golden', path)
}

/** A file of the reference material beside the repository (SHARED_DIR), which may be absent. */
export function shared(path: string): string {
  return resolve(ROOT, process.env['SHARED_DIR'] ?? '../shared', path)
}

/** Whether the reference material is there; its media may not be copied into the repository. */
export const hasShared = existsSync(shared('golden'))
