import { randomUUID } from 'node:crypto'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

type DiskConfig = Pick<
  Config,
  'CACHE_DIR' | 'CACHE_MAX_MB' | 'MAX_INPUT_MB' | 'SCRATCH_DIR' | 'STATE_DIR'
>

const LEAST_MB = 500
const SPARE_MB = 1000

/** The folders that the worker writes to: whether it can, and how much. */
export async function checkDisks(config: DiskConfig): Promise<CheckResult[]> {
  const [scratch, cache, state] = await Promise.all(
    [config.SCRATCH_DIR, config.CACHE_DIR, config.STATE_DIR].map(look),
  )
  return [
    judgeScratch(scratch!, config.MAX_INPUT_MB),
    judgeCache(cache!, config.CACHE_MAX_MB),
    state!.problem
      ? fail('state', refusal(state!), 'set STATE_DIR to a folder that can be written and is kept')
      : ok('state', `${state!.dir} keeps what an orchestrator has not heard yet`),
  ]
}

interface Place {
  dir: string
  freeMb: number
  /** Why it cannot be written. */
  problem?: string
}

async function look(dir: string): Promise<Place> {
  const probe = join(dir, `.doctor-${randomUUID()}`)
  try {
    await makeDirectory(dir)
    await writeFile(probe, 'written by musetalk-worker doctor')
    await rm(probe)
    const { bavail, bsize } = await statfs(dir)
    return { dir, freeMb: Math.floor((bavail * bsize) / 1e6) }
  } catch (error) {
    await rm(probe, { force: true }).catch(() => {})
    return { dir, freeMb: 0, problem: (error as NodeJS.ErrnoException).code ?? 'unknown' }
  }
}

const refusal = ({ dir, problem }: Place) => `${dir} cannot be written (${problem})`
const space = ({ dir, freeMb }: Place) => `${dir} has ${(freeMb / 1000).toFixed(1)} GB left`

export function judgeScratch(place: Place, inputMb: number): CheckResult {
  if (place.problem) {
    return fail('scratch', refusal(place), 'set SCRATCH_DIR to a folder that can be written')
  }
  if (place.freeMb < LEAST_MB) {
    return fail('scratch', space(place), 'make room: jobs would end as DISK_FULL')
  }
  if (place.freeMb < 2 * inputMb + SPARE_MB) {
    const todo = `make room, or lower MAX_INPUT_MB: two inputs of ${inputMb} MB would not fit`
    return warn('scratch', space(place), todo)
  }
  return ok('scratch', space(place))
}

export function judgeCache(place: Place, maxMb: number): CheckResult {
  if (place.problem) {
    const todo = 'set CACHE_DIR: without it known videos are looked at again, and starts are slow'
    return warn('cache', refusal(place), todo)
  }
  if (place.freeMb < Math.min(SPARE_MB, maxMb) || place.freeMb < LEAST_MB) {
    return warn('cache', space(place), 'make room, or lower CACHE_MAX_MB')
  }
  return ok('cache', space(place))
}
