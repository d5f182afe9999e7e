import { asJobError, deserializeError, type JobError } from '../../handler/errors.ts'
import type { RenderCall, RenderReport, RenderTask } from '../../handler/render/render.ts'
import type { FromChild, SerializedError } from './ipc-messages.ts'
import { cancelOrKill } from './kill-deadlines.ts'
import type { RenderProcess } from './process-handle.ts'

/** What a child says about one render. */
export type RenderMessage = Extract<FromChild, { id: number }>

/**
 * The render was lost, and not by its own doing: another one was killed in its process, or a signal to
 * the whole service has ended its ffmpeg. Its files are there, so it can be done again.
 */
export class RenderInterrupted extends Error {
  /** How it fails where it was done again already; undefined: it is done again however often. */
  readonly failure: JobError | undefined
  constructor(message: string, failure?: JobError) {
    super(message)
    this.failure = failure
  }
}

/** One render, as the parent sees it. */
export interface PendingRender {
  id: number
  /** @throws JobError, the signal's reason first; RenderInterrupted */
  ended: Promise<RenderReport>
  onMessage(message: RenderMessage): void
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
  child: RenderProcess,
  id: number,
  task: RenderTask,
  { signal, onProgress, onScanned, log }: RenderCall,
  graceMs: number,
): PendingRender {
  const { promise, resolve, reject } = Promise.withResolvers<RenderReport>()
  child.send({ type: 'render', id, task })
  const deadline = cancelOrKill(
    signal,
    () => child.send({ type: 'cancel', id }),
    child.kill,
    graceMs,
  )

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
      deadline[Symbol.dispose]()
    }
  }
  return {
    id,
    ended: outcome(),
    isCanceled: () => signal.aborted,
    fail: reject,
    onMessage(message) {
      switch (message.type) {
        case 'progress':
          return onProgress(message.done, message.total)
        case 'scanned':
          return onScanned?.(message.done, message.total)
        case 'log':
          return log[message.level](message.event, message.fields)
        case 'done':
          return resolve(message.report)
        case 'failed':
          return reject(toFailure(message.failure))
      }
    },
  }
}

function toFailure(failure: SerializedError): JobError | RenderInterrupted {
  const error = deserializeError(failure)
  return failure.stopped ? new RenderInterrupted(error.message, error) : error
}
