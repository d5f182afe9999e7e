import type { Log } from '../../../handler/render/context.ts'
import { follow } from '../../jobs/follow-job.ts'
import type { Jobs } from '../../jobs/job-queue.ts'
import type { Job } from '../../jobs/job-record.ts'
import type { Api } from './client.ts'
import { reportProgress, type ReportTag } from './reports.ts'
import { tellProgress } from '../progress-reporter.ts'

/**
 * For an orchestrator whose jobs come by another way, over HTTP through a platform's side-car: it
 * hears how far they are, as the predecessor's `/generate` told it, and their outcome by that way.
 */
export function tellBystander(api: Api, tag: ReportTag, jobs: Jobs, log: Log): (job: Job) => void {
  return (job) => {
    const held = { id: job.id }
    const teller = tellProgress(
      (_, event, signal) => reportProgress(api, held, event, tag, signal),
      held,
      () => {},
      log,
    )
    void follow(jobs, job, (event) => teller.tell(event)).then(() => teller.end())
  }
}
