import { join } from 'node:path'
import type { JobContext } from './context.ts'
import type { InputFiles } from './download-inputs.ts'
import type { Job } from './parse-job.ts'
import type { RenderReport } from './render/render.ts'

/** Have the job's inputs rendered into a file of its own folder, telling how far it is. */
export async function render(
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
