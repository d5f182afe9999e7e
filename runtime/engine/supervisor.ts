import {
  CanceledError,
  deserializeError,
  WorkerError,
  type ErrorCode,
  type JobError,
} from '../../handler/errors.ts'
import type { EstimateRender } from '../../handler/render/estimate-render.ts'
import type { Render } from '../../handler/render/render-task.ts'
import { failLost } from './lost-renders.ts'
import { startRender, type PendingRender, type RenderMessage } from './pending-render.ts'
import { killUnlessReady } from './kill-deadlines.ts'
import { spawnRenderProcess, type RenderProcess } from './process-handle.ts'
import type { Engine, EngineOptions, EngineStatus } from './engine.ts'
import type { FromChild } from './ipc-messages.ts'

/** Failures after which a process (its memory, its CUDA context) is not trusted with another job. */
const RECYCLE_AFTER = new Set<ErrorCode>(['OUT_OF_MEMORY', 'MODEL_BROKEN', 'BUG'])
const MAX_START_FAILURES = 3 // deaths while starting until it counts as broken
const BROKEN_RETRY_MS = 60_000

/** At once after the first loss, then 0.5 s, 1 s, ... 30 s. */
export const backoffMs = (crashes: number): number =>
  crashes <= 1 ? 0 : Math.min(30_000, 500 * 2 ** (crashes - 2))

/**
 * Keeps one render process alive: starts it, gives it jobs, kills it, starts it again.
 *
 *   starting → ready      the process says that its models are warm
 *   starting → broken     it says why it cannot, or has died three times before it was ready
 *   ready    → busy       render()
 *   busy     → ready      the render has ended, well or badly
 *   busy     → starting   it ended with a doubtful failure or is worn: replaced on purpose; or the
 *                         process died, was silent, did not stop when canceled: ENGINE_LOST
 *   ready    → starting   the process died, or has grown too large: replaced
 *   broken   → ready      a start of one a minute has succeeded
 *
 * A start after a death waits longer each time, up to 30 s; one on purpose does not wait.
 */
export function createSupervisor(options: EngineOptions): Engine {
  const { index, setup, log, changed } = options
  let state: EngineStatus['state'] = 'starting'
  let facts: Pick<EngineStatus, 'device' | 'bundle' | 'rss_mb'> = {}
  let life: RenderProcess | undefined
  const pending = new Map<number, PendingRender>() // renders, in the order of their start
  const estimates = new Map<number, PendingRender>()
  let failure: JobError | undefined
  let reason: string | undefined
  let timer: NodeJS.Timeout | undefined // the limit of a start, or the wait for the next
  let [serial, jobs, restarts, rendersSinceStart, crashes, startFailures] = [0, 0, 0, 0, 0, 0]
  let recycling = false // it takes no more renders, and is replaced when the last has ended
  let expectedExit = false // the end that comes is our own wish
  let stopped = false

  function begin() {
    const began = performance.now()
    rendersSinceStart = 0
    const { entry, env, silenceMs, startMs } = options
    const mine = spawnRenderProcess({
      ...{ entry, env, silenceMs },
      // What a dead process had still in its pipe is for nobody.
      onMessage: (message) => life === mine && hear(message, began),
      onLine: (line) => log.warn('engine.stderr', { engine: index, line }),
    })
    life = mine
    mine.send({ type: 'open', setup })
    timer = killUnlessReady(mine.kill, startMs)
    void mine.exited.then(ended)
  }

  function hear(message: FromChild, began: number) {
    switch (message.type) {
      case 'ready': {
        clearTimeout(timer)
        const { device, bundle } = message
        facts = { ...facts, device, bundle }
        startFailures = 0
        failure = reason = undefined
        const seconds = Math.round(performance.now() - began) / 1000
        log.info('engine.ready', {
          engine: index,
          pid: life?.pid,
          seconds,
          device,
          bundle: bundle.id,
        })
        return setState('ready')
      }
      case 'broken':
        return markBroken(deserializeError(message.failure), message.failure.cause)
      case 'warning':
        return log.warn(message.event, { engine: index, ...message.fields })
      case 'heartbeat':
        facts.rss_mb = message.rssMb
        return state === 'ready' && needsRecycling() ? recycle() : undefined
      default:
        hearOf(message)
    }
  }

  function hearOf(news: RenderMessage) {
    const estimate = estimates.get(news.id)
    ;(estimate ?? pending.get(news.id))?.onMessage(news)
    if (estimate) {
      if (news.type === 'estimated' || news.type === 'failed') estimates.delete(news.id)
      if (news.type === 'failed' && RECYCLE_AFTER.has(news.failure.code)) recycleSoon()
    } else if (news.type === 'done') {
      crashes = 0
      settle(news.id)
    } else if (news.type === 'failed') {
      settle(news.id, news.failure.code)
    }
  }

  function settle(id: number, failed?: ErrorCode) {
    pending.delete(id)
    jobs++
    rendersSinceStart++
    if (needsRecycling() || (failed !== undefined && RECYCLE_AFTER.has(failed))) recycling = true
    if (recycling) recycleSoon()
    else if (pending.size > 0) changed()
    else setState('ready')
  }

  /** What it renders may end before. */
  function recycleSoon() {
    recycling = true
    if (pending.size > 0) changed()
    else recycle()
  }

  const needsRecycling = () =>
    rendersSinceStart > 0 &&
    (rendersSinceStart >= options.maxJobs || (facts.rss_mb ?? 0) > options.maxMb)

  /** An idle process holds nothing worth a goodbye. */
  function recycle() {
    expectedExit = true
    setState('starting')
    life?.kill('was replaced')
  }

  function markBroken(error: JobError, cause?: string) {
    failure = error
    reason = error.message
    log.error('engine.broken', { engine: index, ...error.toJSON(), cause })
    setState('broken')
    life?.kill('could not start')
  }

  function ended(why: string) {
    clearTimeout(timer)
    life = undefined
    delete facts.rss_mb
    const level = stopped || expectedExit ? 'info' : 'warn'
    log[level]('engine.ended', { engine: index, why, state })
    const lost = [...pending.values()]
    const lostEstimates = [...estimates.values()]
    pending.clear()
    estimates.clear()
    if (stopped) {
      const reason = new CanceledError('SHUTDOWN', 'the worker is shutting down')
      for (const one of [...lost, ...lostEstimates]) one.fail(reason)
      return
    }
    const wasWanted = expectedExit
    restarts++
    crashes += expectedExit ? 0 : 1
    if (state === 'starting' && !expectedExit) startFailures++
    expectedExit = recycling = false
    if (state !== 'broken') {
      reason = `the render process ${why}`
      state = 'starting'
      const often = `${reason} while starting, ${startFailures} times; its last words are in the log`
      if (startFailures >= MAX_START_FAILURES) markBroken(new WorkerError('MODEL_BROKEN', often))
    }
    jobs += failLost(lost, lostEstimates, `the render process ${why}`, wasWanted)
    timer = setTimeout(begin, failure ? BROKEN_RETRY_MS : backoffMs(crashes))
    changed()
  }

  function setState(next: EngineStatus['state']) {
    state = next
    changed()
  }

  const render: Render = async (task, call) => {
    call.signal.throwIfAborted()
    const render = startRender(life!, 'render', ++serial, task, call, options.graceMs)
    pending.set(render.id, render)
    setState('busy')
    return render.ended
  }

  const estimate: EstimateRender = async (task, call) => {
    call.signal.throwIfAborted()
    const pending = startRender(life!, 'estimate', ++serial, task, call, options.graceMs)
    estimates.set(pending.id, pending)
    return pending.ended
  }

  const alive = () =>
    (state === 'ready' || state === 'busy') && !recycling && life?.isTerminating() === false

  begin()
  return {
    render,
    estimate,
    alive,
    free: () => alive() && pending.size < (options.renders ?? (facts.device === 'cuda' ? 2 : 1)),
    load: () => pending.size,
    failure: () => (state === 'broken' ? failure : undefined),
    status: () => ({
      ...{ index, state, jobs, restarts, ...facts },
      ...(life?.pid !== undefined && { pid: life.pid }),
      ...(reason !== undefined && state !== 'ready' && state !== 'busy' && { reason }),
    }),
    async stop() {
      stopped = true
      clearTimeout(timer)
      life?.kill('was stopped')
      await life?.exited
    },
  }
}
