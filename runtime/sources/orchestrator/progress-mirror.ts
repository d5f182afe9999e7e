import type { Log } from '../../../handler/log.ts'
import { forEachEvent } from '../../jobs/follow-job.ts'
import type { JobQueue } from '../../jobs/job-queue.ts'
import type { Job } from '../../jobs/job-record.ts'
import type { OrchestratorClient } from './client.ts'
import { reportProgress, type ReportTag } from './reports.ts'
import { createProgressReporter } from '../progress-reporter.ts'

/**
 * For an orchestrator whose jobs come by another way, over HTTP through a platform's side-car: it
 * hears how far they are, as the legacy worker's `/generate` told it, and their outcome by that way.
 */
export function mirrorProgress(
  api: OrchestratorClient,
  tag: ReportTag,
  jobs: JobQueue,
  log: Log,
): (job: Job) => void {
  return (job) => {
    const held = { id: job.id }
    const reporter = createProgressReporter(
      (_, event, signal) => reportProgress(api, held, event, tag, signal),
      held,
      () => {},
      log,
    )
    void forEachEvent(jobs, job, (event) => reporter.report(event)).then(() => reporter.end())
  }
}
