import { readdirSync, readFileSync } from 'node:fs'

/** Processes below one, at any depth; those of a name where one is given. */
export function descendantsOf(root: number, name?: string): number[] {
  const all = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => parentOf(Number(entry)) ?? [])
  const found: typeof all = []
  for (let below = [root]; below.length > 0;) {
    const children = all.filter(({ parent }) => below.includes(parent))
    found.push(...children)
    below = children.map(({ pid }) => pid)
  }
  return found.filter((one) => name === undefined || one.name === name).map(({ pid }) => pid)
}

function parentOf(pid: number) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return { pid, name, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }
  } catch {
    return undefined // it has ended meanwhile
  }
}
