import { readFile } from 'node:fs/promises'

/** Whether a process of this id runs on this machine, whoever's it is. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * A process and when it began, so that another one under the same id is not mistaken for it; '' where
 * there is none. Where the system does not tell, the id has to do.
 */
export async function processIdentity(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is the program's name, which may hold spaces and brackets.
  const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return began === undefined && !isProcessAlive(pid) ? '' : `${pid} ${began ?? ''}`
}
