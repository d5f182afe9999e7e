import { readdirSync, readFileSync } from 'node:fs'

/** Processor time in seconds. */
export interface CpuTime {
  /** Of the process and its threads. */
  own: number
  /** Of the children that it has seen end. */
  children: number
  /** Of the threads that are alive, by their names; what `own` has beyond these ended. */
  threads: Record<string, number>
}

const TICKS_PER_S = 100 // Linux reports in hundredths to everybody

/** What a process has used since it began (Linux: /proc). */
export function cpuTimeOf(pid: number): CpuTime {
  const [user, system, ofChildrenUser, ofChildrenSystem] = ticksIn(`/proc/${pid}/stat`)
  const threads: Record<string, number> = {}
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${id}`
    const name = readFileSync(`${folder}/comm`, 'utf8').trim()
    const [ofUser, ofSystem] = ticksIn(`${folder}/stat`)
    threads[name] = (threads[name] ?? 0) + (ofUser! + ofSystem!) / TICKS_PER_S
  }
  return {
    own: (user! + system!) / TICKS_PER_S,
    children: (ofChildrenUser! + ofChildrenSystem!) / TICKS_PER_S,
    threads,
  }
}

/** User and system time, of the process or thread and of its ended children. */
function ticksIn(file: string): number[] {
  // pid (name) state …: the name may hold anything, also brackets.
  const fields = readFileSync(file, 'utf8').split(') ').at(-1)!.split(' ')
  return fields.slice(11, 15).map(Number)
}

/** Both together, less what they were before. */
export const since = (before: CpuTime, now: CpuTime): CpuTime => ({
  own: now.own - before.own,
  children: now.children - before.children,
  threads: Object.fromEntries(
    Object.entries(now.threads).map(([name, s]) => [name, s - (before.threads[name] ?? 0)]),
  ),
})
