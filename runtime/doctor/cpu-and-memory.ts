import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { filesOf, readManifest } from '../../models/inference/manifest.ts'
import { bundleDirectory, type BundleConfig } from '../config/bundle-directory.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'

/** Cores and memory that this process may really use. */
export async function checkMachine(config: BundleConfig): Promise<CheckResult[]> {
  const bundle = await readManifest(bundleDirectory(config)).catch(() => undefined)
  const weights = bundle ? filesOf(bundle.manifest).reduce((sum, { bytes }) => sum + bytes, 0) : 0
  const limit = process.constrainedMemory()
  const bytes = limit > 0 && limit < os.totalmem() ? limit : os.totalmem()
  return [
    judgeCores(os.cpus().length, await quota()),
    judgeMemory(bytes, Math.min(process.availableMemory(), bytes), weights),
  ]
}

/** @param limit cores that the control group allows; undefined where it has no limit */
export function judgeCores(cores: number, limit: number | undefined): CheckResult {
  const limited = limit !== undefined && limit < cores
  const all = cores === 1 ? 'one core' : `${cores} cores`
  const found = limited ? `${all}, limited to ${limit} by the cgroup` : all
  return (limited ? limit : cores) < 2
    ? warn('cpu', found, 'give it two cores or more: with less, frames come slower than they play')
    : ok('cpu', found)
}

const WORK_BYTES = 1e9 // a 1080p job, all processes together
const COMFORT = 2

/** @param weights bytes of the bundle, which want to stay in memory */
export function judgeMemory(total: number, available: number, weights: number): CheckResult {
  const found = `${gb(available)} of ${gb(total)} GB free; shared memory (/dev/shm) is not used`
  const need = weights + WORK_BYTES
  if (available < need / COMFORT) {
    const todo = `free some, or take a machine with more: it works with about ${gb(need)} GB`
    return fail('memory', found, todo)
  }
  if (available < need + WORK_BYTES) {
    const todo = `CONCURRENCY=1 needs less; it works with about ${gb(need)} GB`
    return warn('memory', found, todo)
  }
  return ok('memory', found)
}

/** Cores by the control group's quota: cgroup 2, else cgroup 1. */
async function quota(): Promise<number | undefined> {
  const read = (path: string) => readFile(`/sys/fs/cgroup/${path}`, 'utf8').catch(() => '')
  const [now, old, period] = await Promise.all(
    ['cpu.max', 'cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us'].map(read),
  )
  return coresOf(now || `${old} ${period}`)
}

/** @param quota `max 100000`, `200000 100000`: microseconds of work in so many of time */
export function coresOf(quota: string): number | undefined {
  const [work, time] = quota.trim().split(/\s+/).map(Number)
  return work && time && work > 0 ? Math.round((work / time) * 100) / 100 : undefined
}

const gb = (bytes: number) => (bytes / 1e9).toFixed(1)
