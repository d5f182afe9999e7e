import { readFileSync } from 'node:fs'

/** Processor time in seconds. */
export interface CpuTime {
  /** Of the process and its threads. */
  own: number
  /** Of the children that it has seen end. */
  children: number
}

const TICKS_PER_S = 100 // Linux reports in hundredths to everybody

/** What a process has used since it began (Linux: /proc). */
export function cpuTimeOf(pid: number): CpuTime {
  // pid (name) state …: the name may hold anything, also brackets.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  const [user, system, ofChildrenUser, ofChildrenSystem] = fields.slice(11, 15).map(Number)
  return {
    own: (user! + system!) / TICKS_PER_S,
    children: (ofChildrenUser! + ofChildrenSystem!) / TICKS_PER_S,
  }
}

/** Both together, less what they were before. */
export const since = (before: CpuTime, now: CpuTime): CpuTime => ({
  own: now.own - before.own,
  children: now.children - before.children,
})
