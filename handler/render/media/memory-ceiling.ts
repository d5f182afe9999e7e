import { readFileSync } from 'node:fs'

/** Said where a thread or a process is not to be had, which is never the fault of a file. */
const NO_THREAD = /Resource temporarily unavailable|pthread_create|thread/i
const NO_MEMORY = /Cannot allocate memory|out of memory/i
const NEVER_OVERCOMMIT = '2'
const UNLIMITED = { space: /^Max address space +unlimited/m, data: /^Max data size +unlimited/m }

/** Whether a program complains of memory, and of nothing else that a machine may lack. */
export const lacksMemory = (stderr: string): boolean =>
  NO_MEMORY.test(stderr) && !NO_THREAD.test(stderr)

/**
 * Whether nobody but us has limited a child's address space: then it is one of our own ceilings that
 * refuses it memory, while the machine has some. It may have ended, as long as nobody has asked for its
 * status.
 */
export function isCeilingOurs(pid: number | undefined): boolean {
  try {
    const [child, own] = [pid, 'self'].map((of) => readFileSync(`/proc/${of}/limits`, 'utf8'))
    const overcommit = readFileSync('/proc/sys/vm/overcommit_memory', 'utf8').trim()
    const isFree = UNLIMITED.space.test(child!) && UNLIMITED.data.test(own!)
    return isFree && overcommit !== NEVER_OVERCOMMIT
  } catch {
    return false // a system that does not tell
  }
}
