import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isPath } from '../../../handler/inputs/input-address.ts'
import { isObject } from '../../../handler/job/job-problems.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { UsageError } from '../command.ts'

type Job = Record<string, unknown>

const ADDRESSES = ['video', 'video_url', 'audio', 'audio_url', 'boxes_url']
/** What belongs to whoever sends the job. */
const OPAQUE = ['metadata', 'params', 'webhook', 'output']

/** The same job with each address of an input replaced. */
export function mapAddresses(job: Job, map: (address: string) => string): Job {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        if (OPAQUE.includes(name)) return [name, inner]
        const isAddress = ADDRESSES.includes(name) && typeof inner === 'string'
        return [name, isAddress ? map(inner) : walk(inner)]
      }),
    )
  }
  return walk(job) as Job
}

/**
 * The files of this machine that a job names: as it says them, and their paths.
 * @throws UsageError for one that is not there
 */
export async function filesOf(job: Job): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  mapAddresses(job, (address) => {
    if (isPath(address)) files.set(address, toPath(address))
    return address
  })
  for (const path of files.values()) {
    const found = await stat(path).catch(() => undefined)
    if (!found?.isFile()) throw new UsageError(`there is no file "${path}"`)
  }
  return files
}

const toPath = (address: string) => (address.startsWith('file:') ? fileURLToPath(address) : address)

/**
 * Before anything is sent, whatever can be known here; which addresses it takes only the worker knows.
 * @throws InputError INVALID_JOB
 */
export function assertJob(job: Job): void {
  parseJob(
    mapAddresses(job, () => 'https://example.com/input'),
    undefined,
    { allowFileInputs: false },
  )
}
