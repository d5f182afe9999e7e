import { createHash } from 'node:crypto'
import { InputError } from '../handler/errors.ts'
import type { Job } from '../handler/job.ts'

/** `parseJob()` with the rules of this worker. */
export type Parse = (payload: unknown, id: string | undefined) => Job

/** What two submissions of the same id are compared by. */
export interface Identity {
  /** Digest of what would be rendered: spelling, order of fields and `force` play no part. */
  print: string
  /** The object the result will be stored under; two jobs may not write the same one at once. */
  object: string
  force: boolean
}

/** @param id the id under which the job is submitted */
export function identify(payload: unknown, id: string, parse: Parse): Identity {
  const job = parsed(payload, id, parse)
  if (!job) return { print: 'not a job', object: id, force: false }
  const { force, output, ...rest } = job
  return { print: digest({ ...rest, output }), object: output.key ?? `${job.id}.mp4`, force }
}

function parsed(payload: unknown, id: string, parse: Parse) {
  try {
    return parse(payload, id)
  } catch (error) {
    if (error instanceof InputError) return undefined // it will fail the same way when it runs
    throw error
  }
}

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')

/** The same value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, inner]) => [key, sorted(inner)])
}
