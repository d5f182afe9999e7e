import { WorkerError } from '../../handler/errors.ts'
import { RenderInterrupted, type PendingRender } from './pending-render.ts'

/**
 * Tell the callers of a process that is gone. A render that was killed takes the blame, else the oldest: so
 * each loss ends a job, and none that brings its process down is tried for ever. Where an estimate was
 * there it is to blame, and the renders are done again, once.
 *
 * @param lost renders, in the order of their start
 * @param why what became of the process
 * @param wasWanted nobody is to blame but for what was lost: it was replaced
 * @returns how many renders have ended
 */
export function failLost(
  lost: readonly PendingRender[],
  estimates: readonly PendingRender[],
  why: string,
  wasWanted: boolean,
): number {
  const error = new WorkerError('ENGINE_LOST', why)
  const isDoubtful = estimates.length > 0 && !wasWanted
  for (const estimate of estimates) {
    estimate.fail(wasWanted ? new RenderInterrupted(why) : error)
  }
  const canceled = lost.filter((render) => render.isCanceled())
  const suspects = isDoubtful ? [] : lost.slice(0, 1)
  const blamed = new Set(canceled.length > 0 ? canceled : suspects)
  // Each of those that are done again goes to the front of the line, the oldest last.
  for (const render of lost.toReversed()) {
    if (blamed.has(render)) render.fail(error)
    else render.fail(new RenderInterrupted(why, isDoubtful ? error : undefined))
  }
  return blamed.size
}
