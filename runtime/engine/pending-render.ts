import { asJobError, deserializeError, type JobError } from '../../handler/errors.ts'
import type { RenderEstimate } from '../../handler/render/estimate-render.ts'
import type { RenderCall, RenderReport, RenderTask } from '../../handler/render/render-task.ts'
import type { FromChild, SerializedError } from './ipc-messages.ts'
import { cancelOrKill } from './kill-deadlines.ts'
import type { RenderProcess } from './process-handle.ts'

/** What a child says about one render, or one estimate. */
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

/** One render or estimate, as the parent sees it. */
export interface PendingRender {
  id: number
  onMessage(message: RenderMessage): void
  /** Whether its caller gave it up. */
  isCanceled(): boolean
  /** Its process is gone. */
  fail(error: JobError | RenderInterrupted): void
}

/** What each kind of work answers. */
interface Answers {
  render: RenderReport
  estimate: RenderEstimate
}

/** How the caller hears of it; an estimate has no progress. */
type WorkCall = Pick<RenderCall, 'signal' | 'log'> &
  Partial<Pick<RenderCall, 'onProgress' | 'onScanned' | 'onStage'>>

/**
 * Give a render, or an estimate, to a process. An abort asks it to stop, and kills the process where it has not
 * stopped within `graceMs`; either way the render has really ended when `ended` rejects.
 */
export function startRender<K extends keyof Answers>(
  child: RenderProcess,
  type: K,
  id: number,
  task: RenderTask,
  { signal, onProgress, onScanned, onStage, log }: WorkCall,
  graceMs: number,
): PendingRender & {
  /** @throws JobError, the signal's reason first; RenderInterrupted */
  ended: Promise<Answers[K]>
} {
  const { promise, resolve, reject } = Promise.withResolvers<RenderReport | RenderEstimate>()
  child.send({ type, id, task })
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
      return report as Answers[K]
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
          return onProgress?.(message.done, message.total)
        case 'scanned':
          return onScanned?.(message.done, message.total)
        case 'stage':
          return onStage?.(message.stage, message.seconds)
        case 'log':
          return log[message.level](message.event, message.fields)
        case 'done':
          return resolve(message.report)
        case 'estimated':
          return resolve(message.estimate)
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
