import { join } from 'node:path'
import { openContext, type Call, type Context, type Deps } from './context.ts'
import { download, type Inputs } from './download.ts'
import { asJobError } from './errors.ts'
import { parseJob, type Job } from './job.ts'
import type { RenderReport } from './render/render.ts'
import type { JobResult } from './result.ts'
import type { Stored } from './storage/storage.ts'

/**
 * One job, start to finish: parse → download → render → upload → report. Stateless; leaves nothing
 * on disk but the stored result.
 *
 * @param payload a job as described in the README, from whoever sent it
 * @throws JobError and nothing else
 */
export async function handle(payload: unknown, deps: Deps, call: Call = {}): Promise<JobResult> {
  const job = parseJob(payload, call.id)
  await using ctx = await openContext(job, deps, call)
  try {
    ctx.report.started()
    ctx.report.phase('downloading')
    const inputs = await ctx.step('download', () => download(job, ctx))
    ctx.report.phase('inference')
    const kind = job.output.lossless ? 'mkv' : 'mp4'
    const video = join(ctx.dir, `result.${kind}`)
    const rendered = await ctx.step('render', () => render(job, inputs, video, ctx))
    ctx.report.phase('uploading')
    const key = job.output.key ?? `${job.id}.${kind}`
    const stored = await ctx.step('upload', () => ctx.storage.put(key, video, ctx.signal))
    const result = resultOf(job, key, rendered, stored, ctx)
    ctx.report.succeeded(result)
    ctx.log('job.succeeded', { seconds: result.total_time, frames: result.frames })
    return result
  } catch (thrown) {
    const error = asJobError(thrown, ctx.signal)
    ctx.report.failed(error)
    ctx.log('job.failed', { ...error.toJSON(), cause: describe(error.cause) })
    throw error
  }
}

async function render(
  job: Job,
  inputs: Inputs,
  output: string,
  ctx: Context,
): Promise<RenderReport> {
  const { face, length, silence, fps, mask, compat, frame, output: wanted } = job
  const task = {
    ...inputs,
    output,
    dir: join(ctx.dir, 'render'),
    options: {
      ...{ face, length, silence, mask, frame, crf: wanted.crf, lossless: wanted.lossless },
      ...(fps !== undefined && { fps }),
      ...(compat && { compat }),
    },
    limits: ctx.limits,
    ...(ctx.batchSize !== undefined && { batchSize: ctx.batchSize }),
  }
  const onProgress = (done: number, total: number) => {
    ctx.report.frames(done, total)
    if (done === total) ctx.report.phase('encoding')
  }
  return ctx.render(task, { signal: ctx.signal, log: ctx.log, onProgress })
}

function resultOf(
  job: Job,
  key: string,
  { stage_times, encoder, ...video }: RenderReport,
  { url, bytes, sha256 }: Stored,
  ctx: Context,
): JobResult {
  const total_time = ctx.elapsed()
  return {
    job_id: job.id,
    status: 'succeeded',
    output_url: url,
    key,
    bytes,
    sha256,
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

const describe = (cause: unknown): string | undefined =>
  cause instanceof Error ? (cause.stack ?? cause.message) : undefined
