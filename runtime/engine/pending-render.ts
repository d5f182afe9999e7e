import { asJobError, deserializeError, type JobError } from '../../handler/errors.ts'
import type { RenderCall, RenderReport, RenderTask } from '../../handler/render/render.ts'
import type { RenderProcess } from './process-handle.ts'
import type { FromChild } from './ipc-messages.ts'

/** What a child says about one render. */
export type RenderMessage = Extract<FromChild, { id: number }>

/**
 * The process was lost, and not by this render's doing: another one was killed in it. Its files are
 * there, so it can be done again.
 */
export class RenderInterrupted extends Error {}

/** One render, as the parent sees it. */
export interface PendingRender {
  id: number
  /** @throws JobError, the signal's reason first; RenderInterrupted */
  ended: Promise<RenderReport>
  onMessage(news: RenderMessage): void
  /** Whether its caller gave it up. */
  isCanceled(): boolean
  /** Its process is gone. */
  fail(error: JobError | RenderInterrupted): void
}

/**
 * Give a render to a process. An abort asks it to stop, and kills the process where it has not
 * stopped within `graceMs`; either way the render has really ended when `ended` rejects.
 */
export function startRender(
  life: RenderProcess,
  id: number,
  task: RenderTask,
  { signal, onProgress, log }: RenderCall,
  graceMs: number,
): PendingRender {
  const { promise, resolve, reject } = Promise.withResolvers<RenderReport>()
  let grace: NodeJS.Timeout | undefined
  const cancel = () => {
    life.send({ type: 'cancel', id })
    const why = `was killed: it did not stop within ${graceMs / 1000} s`
    grace = setTimeout(() => life.kill(why), graceMs)
  }
  life.send({ type: 'render', id, task })
  signal.addEventListener('abort', cancel)

  async function outcome() {
    try {
      const report = await promise
      signal.throwIfAborted()
      return report
    } catch (thrown) {
      // The child knows only that it was canceled; why, is known here.
      if (!signal.aborted && thrown instanceof RenderInterrupted) throw thrown
      throw asJobError(signal.aborted ? signal.reason : thrown, signal)
    } finally {
      clearTimeout(grace)
      signal.removeEventListener('abort', cancel)
    }
  }
  return {
    id,
    ended: outcome(),
    isCanceled: () => signal.aborted,
    fail: reject,
    onMessage(news) {
      switch (news.type) {
        case 'progress':
          return onProgress(news.done, news.total)
        case 'log':
          return log[news.level](news.event, news.fields)
        case 'done':
          return resolve(news.report)
        case 'failed':
          return reject(deserializeError(news.failure))
      }
    },
  }
}
