import * as v from 'valibot'
import type { Log } from '../../../handler/log.ts'
import { toJobInput } from '../../runpod/envelope.ts'
import type { Lease } from '../job-source.ts'

const Named = v.looseObject({
  id: v.pipe(v.string(), v.nonEmpty()),
  input: v.optional(v.unknown()),
})

/**
 * The jobs in an answer to a take: one, or a list. One without a usable input is ours all the same,
 * to be failed: the platform would wait for it. What has no name cannot be answered for.
 *
 * @returns undefined where the answer holds no jobs at all
 */
export function jobsIn(type: string, text: string, log: Log): Lease[] | undefined {
  const json = /^application\/json\b/.test(type) ? parse(text) : undefined
  if (typeof json !== 'object' || json === null) return undefined
  const jobs: unknown[] = Array.isArray(json) ? json : [json]
  return jobs.flatMap((job) => {
    const named = v.safeParse(Named, job)
    if (!named.success) log.warn('take.nameless', { keys: Object.keys(Object(job)).slice(0, 20) })
    return named.success ? [leaseOf(named.output)] : []
  })
}

/** The platform itself calls the webhook that stands beside the input. */
function leaseOf({ id, input }: v.InferOutput<typeof Named>): Lease {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  const isEmpty = input === undefined || input === null || (isObject && !Object.keys(input).length)
  return {
    id,
    payload: isObject ? toJobInput(input as Record<string, unknown>, id) : input,
    ...(isEmpty && { inputError: 'input is empty or missing' }),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The ids in an answer of the stop channel; none where it is anything else. */
export function stopsIn(text: string): string[] {
  const { jobsToStop } = Object(parse(text)) as { jobsToStop?: unknown }
  return Array.isArray(jobsToStop) ? jobsToStop.filter((id) => typeof id === 'string') : []
}
