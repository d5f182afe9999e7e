import * as v from 'valibot'
import { InputError } from '../../handler/errors.ts'
import type { Job } from '../jobs/job-record.ts'

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'canceled'] as const
const MAX_PAGE = 200

const Query = v.object({
  status: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => text.split(',')),
      v.array(v.picklist(JOB_STATES, `must be some of ${JOB_STATES.join(', ')}, with commas`)),
    ),
  ),
  limit: v.optional(
    v.pipe(
      v.string(),
      v.transform(Number),
      v.integer('must be a number'),
      v.minValue(1),
      v.maxValue(MAX_PAGE),
    ),
    '50',
  ),
  after: v.optional(v.string()),
})

/** A part of the jobs in memory, the latest first. */
export interface JobPage {
  jobs: Job[]
  /** What to ask for as `after` for the jobs that were submitted before these; none where unset. */
  next?: string
}

/**
 * @param jobs in the order in which they came
 * @param query of the request: `status`, `limit`, `after`, the id of a job whose elders are meant
 * @throws InputError INVALID_JOB
 */
export function pageOfJobs(jobs: readonly Job[], query: Record<string, string>): JobPage {
  const parsed = v.safeParse(Query, query)
  if (!parsed.success) {
    const lines = parsed.issues.map(
      (issue) => `${v.getDotPath(issue)?.split('.')[0]}: ${issue.message}`,
    )
    throw new InputError('INVALID_JOB', lines.join('; ').slice(0, 500))
  }
  const { status, limit, after } = parsed.output
  const latest = jobs.toReversed()
  const from = after === undefined ? 0 : latest.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && from === 0) {
    throw new InputError('INVALID_JOB', `after: there is no job "${after.slice(0, 200)}" any more`)
  }
  const wanted = latest.slice(from).filter(({ state }) => status?.includes(state) ?? true)
  const page = wanted.slice(0, limit)
  return { jobs: page, ...(wanted.length > limit && { next: page.at(-1)!.id }) }
}

/** How many jobs are served before one that waits: 1 is next. Undefined for any other. */
export function queuePosition(job: Job, jobs: readonly Job[]): number | undefined {
  if (job.state !== 'queued') return undefined
  return 1 + jobs.filter(({ state, queued }) => state === 'queued' && queued < job.queued).length
}
