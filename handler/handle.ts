import { openContext, type Call, type Context, type Deps } from './context.ts'
import { download } from './download-inputs.ts'
import { asJobError } from './errors.ts'
import { storedResult } from './idempotency.ts'
import { parseJob, type Job } from './parse-job.ts'
import { render } from './render-job.ts'
import type { RenderReport } from './render/render.ts'
import type { JobResult } from './events/job-events.ts'
import type { Stored } from './storage/storage.ts'
import { describe, upload } from './upload-result.ts'

/**
 * One job, start to finish: parse → download → render → upload → report. Stateless; leaves nothing
 * on disk but the stored result. Webhooks may still be on their way when it returns; see
 * `Webhooks.drain`.
 *
 * @param payload a job as described in the README, from whoever sent it
 * @throws JobError and nothing else
 */
export async function handle(payload: unknown, deps: Deps, call: Call = {}): Promise<JobResult> {
  const job = parseJob(payload, call.id, deps)
  await using ctx = openContext(job, deps, call)
  try {
    ctx.log('job.started')
    ctx.report.started()
    const result = (await storedResult(job, ctx)) ?? (await make(job, ctx))
    ctx.report.succeeded(result)
    const { total_time: seconds, frames, deduplicated } = result
    ctx.log('job.succeeded', { seconds, frames, deduplicated })
    return result
  } catch (thrown) {
    const error = asJobError(thrown, ctx.signal)
    ctx.report.failed(error)
    ctx.log('job.failed', { ...error.toJSON(), cause: stackOf(error.cause) })
    throw error
  }
}

async function make(job: Job, ctx: Context): Promise<JobResult> {
  ctx.report.phase('downloading')
  const inputs = await ctx.step('download', () => download(job, ctx))
  ctx.report.phase('inference')
  const { file, ...rendered } = await ctx.step('render', () => render(job, inputs, ctx))
  ctx.report.phase('uploading')
  const stored = await ctx.step('upload', () => upload(job, file, ctx))
  const result = resultOf(job, rendered, stored, ctx)
  await describe(job, result, ctx)
  return result
}

function resultOf(
  job: Job,
  { stage_times, encoder: _encoder, ...video }: RenderReport,
  { url, ...object }: Stored,
  ctx: Context,
): JobResult {
  const total_time = ctx.elapsed()
  return {
    job_id: job.id,
    status: 'succeeded',
    output_url: url,
    ...object,
    ...video,
    stage_times: {
      download: ctx.seconds('download'),
      ...stage_times,
      upload: ctx.seconds('upload'),
    },
    total_time,
    realtime_factor: Math.round((total_time / video.duration_sec) * 1000) / 1000,
    metadata: job.metadata,
    deduplicated: false,
  }
}

const stackOf = (cause: unknown): string | undefined =>
  cause instanceof Error ? (cause.stack ?? cause.message) : undefined
