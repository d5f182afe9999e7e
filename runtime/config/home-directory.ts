import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Users that are only a number have no home, and need none where every folder is given. */
export function homeDirectory(find = homedir): string {
  try {
    return find()
  } catch {
    return join(tmpdir(), `user-${process.getuid?.() ?? 'unknown'}`)
  }
}
