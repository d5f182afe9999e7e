import { join } from 'node:path'
import {
  createJobContext,
  type HandleOptions,
  type JobContext,
  type JobDependencies,
} from './context.ts'
import { download, type InputFiles } from './download-inputs.ts'
import { asJobError, type JobError } from './errors.ts'
import { findStoredResult } from './idempotency.ts'
import type { LogLevel } from './log.ts'
import { parseJob, type Job } from './parse-job.ts'
import type { RenderReport } from './render/render.ts'
import type { JobResult } from './events/job-events.ts'
import type { StoredObject } from './storage/storage.ts'
import { storeMetadata, upload } from './upload-result.ts'

/**
 * One job, start to finish: parse → download → render → upload → report. Stateless; leaves nothing
 * on disk but the stored result. Webhooks may still be on their way when it returns; see
 * `Webhooks.drain`.
 *
 * @param payload a job as described in the README, from whoever sent it
 * @throws JobError and nothing else
 */
export async function handle(
  payload: unknown,
  deps: JobDependencies,
  call: HandleOptions = {},
): Promise<JobResult> {
  const job = parseJob(payload, call.id, deps)
  await using ctx = createJobContext(job, deps, call)
  try {
    ctx.log.info('job.started')
    ctx.events.started()
    const result = (await findStoredResult(job, ctx)) ?? (await runPipeline(job, ctx))
    ctx.events.succeeded(result)
    const { total_time: seconds, frames, deduplicated } = result
    ctx.log.info('job.succeeded', { seconds, frames, deduplicated })
    return result
  } catch (thrown) {
    const error = asJobError(thrown, ctx.signal)
    ctx.events.failed(error)
    ctx.log[FAILURE_LEVELS[error.fault]]('job.failed', {
      ...error.toJSON(),
      cause: stackOf(error.cause),
    })
    throw error
  }
}

async function runPipeline(job: Job, ctx: JobContext): Promise<JobResult> {
  ctx.events.phase('downloading')
  const inputs = await ctx.step('download', () => download(job, ctx))
  ctx.events.phase('inference')
  const { file, ...rendered } = await ctx.step('render', () => render(job, inputs, ctx))
  ctx.events.phase('uploading')
  const stored = await ctx.step('upload', () => upload(job, file, ctx))
  const result = buildResult(job, rendered, stored, ctx)
  await storeMetadata(job, result, ctx)
  return result
}

/** Have the job's inputs rendered into a file of its own folder, telling how far it is. */
async function render(
  job: Job,
  inputs: InputFiles,
  ctx: JobContext,
): Promise<RenderReport & { file: string }> {
  const { face, length, silence, fps, mask, compat, frame, output } = job
  const file = join(ctx.dir, output.lossless ? 'result.mkv' : 'result.mp4')
  const task = {
    ...inputs,
    output: file,
    dir: join(ctx.dir, 'render'),
    options: {
      ...{ face, length, silence, mask, frame, crf: output.crf, lossless: output.lossless },
      ...(fps !== undefined && { fps }),
      ...(compat && { compat }),
    },
    limits: ctx.limits,
    ...(ctx.batchSize !== undefined && { batchSize: ctx.batchSize }),
  }
  const onProgress = (done: number, total: number) => {
    ctx.events.frames(done, total)
    if (done === total) ctx.events.phase('encoding')
  }
  const report = await ctx.render(task, { signal: ctx.signal, log: ctx.log, onProgress })
  for (const [stage, seconds] of Object.entries(report.stage_times)) {
    ctx.log.info('stage', { stage, seconds })
  }
  return { ...report, file }
}

function buildResult(
  job: Job,
  { stage_times, encoder: _encoder, ...video }: RenderReport,
  { url, ...object }: StoredObject,
  ctx: JobContext,
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

/** Whether an operator should look. */
const FAILURE_LEVELS = {
  caller: 'warn',
  upstream: 'warn',
  worker: 'error',
  nobody: 'info',
} as const satisfies Record<JobError['fault'], LogLevel>

const stackOf = (cause: unknown): string | undefined =>
  cause instanceof Error ? (cause.stack ?? cause.message) : undefined
