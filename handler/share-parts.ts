import { createHash } from 'node:crypto'
import type { JobContext } from './job-context.ts'
import { CanceledError } from './errors.ts'
import { inputKind } from './inputs/input-address.ts'
import { inputDigest, without } from './job/input-digest.ts'
import { inputsOf } from './job/job-inputs.ts'
import { objectName, type Job } from './job/parse-job.ts'
import { retry, sleep } from './net/retry.ts'
import type { RetryPolicy } from './net/timeouts.ts'
import type { PartResult, PartState } from './part-queue.ts'
import { STAGES } from './render/render-context.ts'
import { extensionOf } from './render/encode/output-formats.ts'
import type { Elsewhere, OfferedPart, RenderReport } from './render/render-task.ts'
import type { DrawStep } from './render/split/split-step.ts'

/** Where the parts of results are kept until they are joined. */
export const PARTS_FOLDER = 'parts'
const LOOK_MS = 1_000
/** A queue that is away comes back, as a rule, before who cleans up has lost patience. */
const PATIENCE: RetryPolicy = { tries: 30, firstMs: 500, maxMs: 2_000 }
const CLEAN_UP_MS = 30_000

const patiently = <T>(run: () => Promise<T>): Promise<T> =>
  retry(run, PATIENCE, AbortSignal.timeout(CLEAN_UP_MS), { isRetryable: () => true })

/**
 * Others who may draw parts of a job: each part is a job of its own, with the same inputs, whose result
 * goes to the store. Nobody where there is no queue, or where only this worker can read an input.
 *
 * @param payload the job as it came
 */
export function elsewhereOf(
  job: Job,
  payload: unknown,
  { parts: queue, storage, log }: JobContext,
): Elsewhere | undefined {
  const isReachable = Object.values(inputsOf(job)).every((input) =>
    ['http', 'bucket', 'data'].includes(inputKind(input)),
  )
  if (!queue || !storage.fetch || job.part || !isReachable) return undefined
  const parts = queue
  const fetch = storage.fetch.bind(storage)

  async function offer(step: DrawStep, index: number, file: string): Promise<OfferedPart> {
    const part = partId(job, step, index)
    const key = `${PARTS_FOLDER}/${part}.${extensionOf(job.output)}`
    const here = new AbortController()
    let isHere = false
    try {
      await parts.offer(part, partOf(payload as object, part, key, step))
    } catch (error) {
      log.warn('part.unoffered', { part: index, reason: (error as Error).message })
      // Where only the answer was lost others draw it.
      isHere = await parts.look(part).then(
        (state) => !state,
        () => true,
      )
    }
    return {
      async takeBack() {
        isHere ||= await parts.takeBack(part).catch(() => false)
        if (isHere) here.abort()
        return isHere
      },
      async drawn(signal, onProgress) {
        const either = AbortSignal.any([signal, here.signal])
        while (!isHere) {
          const state = await parts.look(part).catch((): PartState => ({ frames: 0 }))
          signal.throwIfAborted()
          if (!state) return undefined
          const { frames, result, error } = state
          onProgress(frames)
          try {
            if (result) {
              if (!result.split) throw new Error('whoever drew it tells nothing of its joints')
              await fetch(key, file, signal)
              return reportOf(result)
            }
            if (error) throw new Error(error.message)
          } catch (failure) {
            signal.throwIfAborted()
            log.warn('part.again', { part: index, reason: (failure as Error).message })
            return undefined
          }
          await sleep(LOOK_MS, either).catch(() => signal.throwIfAborted())
        }
        return undefined
      },
      async withdraw(reason) {
        if (reason instanceof CanceledError && reason.code === 'SHUTDOWN') return
        try {
          await patiently(() => parts.remove(part))
          await storage.remove(key, AbortSignal.timeout(CLEAN_UP_MS))
        } catch (error) {
          log.warn('part.left', { part: index, reason: (error as Error).message })
        }
      },
    }
  }
  return { offer }
}

/** Remove what was stored of a part that was taken out of the queue meanwhile. */
export async function dropUnwantedPart(job: Job, ctx: JobContext): Promise<void> {
  if (!job.part || !ctx.parts || !job.output.key?.startsWith(`${PARTS_FOLDER}/`)) return
  try {
    const { parts } = ctx
    if (await patiently(() => parts.look(job.id))) return
    await ctx.storage.remove(objectName(job), AbortSignal.timeout(CLEAN_UP_MS))
  } catch (error) {
    ctx.log.warn('part.left', { reason: (error as Error).message })
  }
}

/** The same part of the same job has the same id, so that whoever goes on with a job finds what is drawn. */
function partId(job: Job, step: DrawStep, index: number): string {
  const content = createHash('sha256').update(JSON.stringify([inputDigest(job), step]))
  return `${job.id.slice(0, 150)}.${content.digest('hex').slice(0, 12)}.part-${index}`
}

/** What of a job is for its whole result. */
const FOR_WHOLE = ['webhook', 'metadata', 'split', 'musetalk_job_id', 'force']
const OUTPUT_FOR_WHOLE = ['url', 'stream', 'disposition', 'poster', 'preview', 'provenance']

/** A part as a job. */
function partOf(payload: object, id: string, key: string, step: DrawStep): object {
  const { output = {}, ...job } = payload as { output?: object }
  const { from, to, total, sourceFrames: source_frames } = step
  return {
    ...without(job, FOR_WHOLE),
    id,
    output: { ...without(output, OUTPUT_FOR_WHOLE), key },
    part: { from, to, total, source_frames },
  }
}

/** What a render would have told. */
function reportOf(result: PartResult): RenderReport {
  const { width, height, fps, frames, duration_sec, frames_without_face, face, bundle } = result
  const times = STAGES.map((stage) => [stage, result.stage_times[stage]] as const)
  return {
    ...{ width, height, fps, frames, duration_sec, frames_without_face, bundle },
    ...(face && { face }),
    ...(result.split && { split: result.split }),
    encoder: '',
    peak_memory_mb: result.peak_memory_mb,
    stage_times: Object.fromEntries(times) as RenderReport['stage_times'],
  }
}
