import { join } from 'node:path'
import { createJobContext, type HandleOptions, type JobDependencies } from './job-context.ts'
import { download } from './download-inputs.ts'
import { asJobError, type ErrorPayload } from './errors.ts'
import { findStoredResult } from './idempotency.ts'
import { parseJob } from './job/parse-job.ts'
import type { EstimateRender, RenderEstimate } from './render/estimate-render.ts'
import { taskOfJob } from './task-of-job.ts'
import { assertStorable } from './upload-result.ts'

/** What a job would give, as far as can be told without doing it. */
export type Estimate =
  | (RenderEstimate & {
      /** From its start to the stored result, by what jobs like it took here; null where none was done yet. */
      expected_sec: number | null
    })
  | { refused: ErrorPayload }

export interface EstimateDependencies extends JobDependencies {
  estimate: EstimateRender
  /** Seconds that jobs of that size took here lately, without their downloads; nobody knows where unset. */
  expectSeconds?(job: JobSize): number | undefined
}

/** What decides how long a job takes. */
export interface JobSize {
  frames: number
  width: number
  height: number
  bundle: { id: string }
}

/**
 * What `handle()` would do with a job: its inputs are fetched and looked at by the same rules, a second of
 * the video is searched for faces, and nothing is rendered or stored. Nobody is told of it.
 *
 * @throws InputError INVALID_JOB for what is no job at all; what is not the job's fault
 */
export async function estimate(
  payload: unknown,
  deps: EstimateDependencies,
  call: Pick<HandleOptions, 'signal' | 'id'> = {},
): Promise<Estimate> {
  const job = parseJob(payload, call.id, deps)
  await using ctx = createJobContext(job, deps, call)
  try {
    assertStorable(job, ctx)
    await findStoredResult(job, ctx) // says where its id is another job's
    const inputs = await ctx.step('download', () => download(job, ctx))
    const task = taskOfJob(job, inputs, join(ctx.dir, 'result'), ctx)
    const { signal, log } = ctx
    const found = await ctx.step('render', () => deps.estimate(task, { signal, log }))
    const seconds = deps.expectSeconds?.(found)
    return {
      ...found,
      expected_sec: seconds === undefined ? null : toTenths(seconds + ctx.seconds('download')),
    }
  } catch (thrown) {
    const error = asJobError(thrown, ctx.signal)
    if (error.fault === 'caller' || error.fault === 'upstream') return { refused: error.toJSON() }
    throw error
  }
}

const toTenths = (seconds: number): number => Math.round(seconds * 10) / 10
