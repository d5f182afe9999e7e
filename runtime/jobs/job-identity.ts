import { createHash } from 'node:crypto'
import { InputError } from '../../handler/errors.ts'
import type { WebhookTarget } from '../../handler/events/webhook-sender.ts'
import { inputsOf } from '../../handler/job/job-inputs.ts'
import { inputDigest } from '../../handler/job/input-digest.ts'
import { isPath } from '../../handler/inputs/input-address.ts'
import { objectName, type Job } from '../../handler/job/parse-job.ts'

/** `parseJob()` with the rules of this worker. */
export type Parse = (payload: unknown, id: string | undefined) => Job

/** What two submissions of the same id are compared by. */
export interface JobIdentity {
  /** Digest of what would be rendered and where it would go; spelling plays no part. */
  fingerprint: string
  /** The object the result will be stored under; two jobs may not write the same one at once. */
  object: string
  /** Whether a result in memory is no answer: the caller says so, or a path may hold something new. */
  force: boolean
  /** Where the job itself wants its result and pictures, signatures included: each new place is uploaded to. */
  upload?: string
  /** The video is at such a place, where nobody can look for it. */
  isElsewhere: boolean
  caller: JobCaller
}

/** What a caller wants for itself; two callers of one job may differ in it. */
export interface JobCaller {
  metadata: Record<string, unknown>
  webhook?: WebhookTarget
}

const NO_JOB = {
  ...{ fingerprint: 'not a job', force: false, isElsewhere: false },
  caller: { metadata: {} },
}

/** @param id the id under which the job is submitted */
export function jobIdentity(payload: unknown, id: string, parse: Parse): JobIdentity {
  const job = parsed(payload, id, parse)
  if (!job) return { ...NO_JOB, object: id }
  const object = objectName(job)
  const target = job.output.url?.split('?')[0] // a signed URL is new each time
  const fingerprint = createHash('sha256').update(
    JSON.stringify([inputDigest(job), object, target]),
  )
  const force = job.force || Object.values(inputsOf(job)).some(isPath)
  const { url, poster, preview } = job.output
  const uploads = [url, poster?.url, preview?.url].filter((place) => place !== undefined)
  return {
    ...{ fingerprint: fingerprint.digest('hex'), object, force, isElsewhere: url !== undefined },
    ...(uploads.length > 0 && { upload: uploads.join(' ') }),
    caller: { metadata: job.metadata, ...(job.webhook && { webhook: job.webhook }) },
  }
}

function parsed(payload: unknown, id: string, parse: Parse): Job | undefined {
  try {
    return parse(payload, id)
  } catch (error) {
    if (error instanceof InputError) return undefined // it will fail the same way when it runs
    throw error
  }
}
