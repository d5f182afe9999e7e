import {
  createJobContext,
  type HandleOptions,
  type JobContext,
  type JobDependencies,
} from './job-context.ts'
import { download, type InputFiles } from './download-inputs.ts'
import { asJobError, type JobError } from './errors.ts'
import { findStoredResult } from './idempotency.ts'
import type { LogLevel } from './log.ts'
import { parseJob, type Job } from './job/parse-job.ts'
import type { Elsewhere, RenderReport } from './render/render-task.ts'
import type { JobResult } from './events/job-events.ts'
import type { StoredObject } from './storage/storage.ts'
import { openResultFile, type ResultFile } from './result-file.ts'
import { dropUnwantedPart, elsewhereOf } from './share-parts.ts'
import { taskOfJob } from './task-of-job.ts'
import { uploadPictures, type StoredPictures } from './upload-pictures.ts'
import { assertStorable, selectStorage, storeMetadata, upload } from './upload-result.ts'

/**
 * One job, start to finish: parse → download → render → upload → report. Stateless; leaves nothing
 * on disk but the stored result. Webhooks may still be on their way when it returns; see
 * `Webhooks.drain`.
 *
 * @param payload a job as docs/job.md describes it, from whoever sent it
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
    const elsewhere = elsewhereOf(job, payload, ctx)
    const result = (await findStoredResult(job, ctx)) ?? (await runPipeline(job, ctx, elsewhere))
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
  } finally {
    await dropUnwantedPart(job, ctx)
  }
}

async function runPipeline(
  job: Job,
  ctx: JobContext,
  elsewhere: Elsewhere | undefined,
): Promise<JobResult> {
  assertStorable(job, ctx)
  ctx.events.phase('downloading')
  const inputs = await ctx.step('download', () => download(job, ctx))
  ctx.events.phase('inference')
  const storage = selectStorage(job, ctx)
  await using file = openResultFile(job, storage, ctx)
  const rendered = await ctx.step('render', () => render(job, inputs, file, ctx, elsewhere))
  ctx.events.phase('uploading')
  const [stored, pictures] = await ctx.step('upload', async () => [
    await upload(job, file, storage, ctx),
    await uploadPictures(job, file.path, storage, ctx),
  ])
  const result = buildResult(job, rendered, stored, pictures, ctx)
  await storeMetadata(job, result, stored, storage, ctx)
  return result
}

/** Have the job's inputs rendered into a file of its own folder, telling how far it is. */
async function render(
  job: Job,
  inputs: InputFiles,
  file: ResultFile,
  ctx: JobContext,
  elsewhere: Elsewhere | undefined,
): Promise<RenderReport> {
  const task = taskOfJob(job, inputs, file.path, ctx)
  const onProgress = (done: number, total: number) => {
    ctx.events.frames(done, total)
    file.grown()
    if (done === total) ctx.events.phase('encoding')
  }
  const { signal, log } = ctx
  const onScanned = (done: number, total: number) => ctx.events.scanned(done, total)
  const onRestart = () => file.restarted()
  return ctx.render(task, {
    ...{ signal, log, onProgress, onScanned, onRestart, elsewhere },
    onStage: ctx.stageEnded,
  })
}

function buildResult(
  job: Job,
  { stage_times, encoder: _encoder, ...video }: RenderReport,
  { url, key, bytes, sha256 }: StoredObject,
  pictures: StoredPictures,
  ctx: JobContext,
): JobResult {
  const total_time = ctx.elapsed()
  return {
    job_id: job.id,
    status: 'succeeded',
    output_url: url,
    ...{ key, bytes, sha256, ...pictures },
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
