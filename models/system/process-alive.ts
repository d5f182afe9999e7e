import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/**
 * Whether a process of this id runs on this machine, whoever's it is. A zombie does not run: it has only
 * not been asked for its status, and in many containers never is.
 */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !isDead(readStat(pid))
}

/**
 * A process and when it began, so that another one under the same id is not mistaken for it; '' where
 * there is none, or only a zombie. Where the system does not tell, the id has to do.
 */
export async function processIdentity(pid: number): Promise<string> {
  const stat = fieldsOf(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
  if (isDead(stat)) return ''
  const began = stat[19]
  return began === undefined && !isProcessAlive(pid) ? '' : `${pid} ${began ?? ''}`
}

/** `zombie` and `dead` of proc(5). */
const isDead = ([state = '']: string[]): boolean => state === 'Z' || state === 'X'

function readStat(pid: number): string[] {
  try {
    return fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return []
  }
}

/** From the state on. The field before it is the program's name, which may hold spaces and brackets. */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ')
