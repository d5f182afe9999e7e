import { statfs } from 'node:fs/promises'

/** What RunPod's own SDK demands of a machine before it takes a job, by the same variables. */
export interface FitnessRequirements {
  /** Of memory that is free, GB. */
  memoryGb: number
  /** Of the root disk, that are free. */
  diskPercent: number
}

/** What is wrong with this machine. */
export interface FitnessFailure {
  check: 'memory' | 'disk' | 'models'
  reason: string
}

const GB = 2 ** 30

/** The models and the GPU are not looked at here: warming up uses them. */
export async function checkFitness(
  { memoryGb, diskPercent }: FitnessRequirements,
  availableBytes: number,
  root = '/',
): Promise<FitnessFailure | undefined> {
  const freeGb = availableBytes / GB
  if (freeGb < memoryGb) {
    const reason = `${round(freeGb)} GB of memory are free, ${memoryGb} are needed`
    return { check: 'memory', reason }
  }
  const { bavail, blocks } = await statfs(root)
  const free = (100 * bavail) / Math.max(1, blocks)
  if (free >= diskPercent) return undefined
  const reason = `${round(free)} % of the disk are free, ${diskPercent} are needed`
  return { check: 'disk', reason }
}

const round = (value: number): number => Math.round(value * 100) / 100
