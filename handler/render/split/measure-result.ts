import { mayEndBefore } from '../avatar/prepare-avatar.ts'
import { prepareAvatars } from '../avatar/prepare-avatars.ts'
import type { RenderContext } from '../render-context.ts'
import { countFrames } from '../media/decode-video.ts'
import type { PreparedRender } from '../prepare-render.ts'
import type { RenderTask } from '../render-task.ts'
import { resultFrames } from '../result-length.ts'

/** How long a result will be, and how much of its source it shows. */
export interface MeasuredResult {
  total: number
  sourceFrames: number
}

/**
 * Count the frames of a result before any of it is drawn. A bundle that looks at all of a clip does so
 * here, once, where what it learns can be kept for the parts.
 *
 * @throws InputError INVALID_JOB, MEDIA_UNREADABLE, MEDIA_TOO_LONG, NO_FACE; ModelError
 */
export async function measureResult(
  task: RenderTask,
  { plan, source, voices, known, scan }: PreparedRender,
  ctx: RenderContext,
): Promise<MeasuredResult> {
  const isCounted = known === undefined || mayEndBefore(source, known)
  const count = source.facts.still
    ? 1
    : isCounted
      ? await ctx.stage('avatar', () => countFrames(source, scan.limit, ctx))
      : known
  const total = resultFrames(task.options.length, voices, count, plan, ctx.limits)
  if (ctx.models.graphs.clip && ctx.cache) {
    await using _kept = await ctx.stage('avatar', () =>
      prepareAvatars(scan, task.voices, known, ctx),
    )
  }
  return { total, sourceFrames: count }
}
