import {
  CanceledError,
  fromFailure,
  WorkerError,
  type ErrorCode,
  type JobError,
} from '../../handler/errors.ts'
import type { Log } from '../../handler/render/context.ts'
import type { Render } from '../../handler/render/render.ts'
import { assign, type Assignment, type RenderNews } from './pending-render.ts'
import { startLife, type Life } from './process-handle.ts'
import type { BundleName, FromChild, Setup } from './ipc-messages.ts'

export interface EngineStatus {
  index: number
  /** `broken`: it cannot start; `reason` says what to do, and it is tried again now and then. */
  state: 'starting' | 'ready' | 'busy' | 'broken'
  device?: 'cuda' | 'cpu'
  bundle?: BundleName
  pid?: number
  /** Renders that ended, well or badly. */
  jobs: number
  restarts: number
  rss_mb?: number
  /** Why it is not ready. */
  reason?: string
}

export interface EngineOptions {
  index: number
  entry: URL
  env: NodeJS.ProcessEnv
  setup: Setup
  /** Replaced after so many renders, or when it is larger than so many MB after one. */
  maxJobs: number
  maxMb: number
  silenceMs: number
  /** What an aborted render may take to stop before its process is killed. */
  graceMs: number
  /** What a start may take: a large bundle on a slow disk. */
  startMs: number
  log: Log
  /** Told of every change of state. */
  changed(): void
}

export interface Engine {
  /** Takes one render at a time, while `free()`. */
  render: Render
  free(): boolean
  status(): EngineStatus
  /** Why it cannot start. */
  failure(): JobError | undefined
  stop(): Promise<void>
}

/** Failures after which a process (its memory, its CUDA context) is not trusted with another job. */
const DOUBTFUL = new Set<ErrorCode>(['OUT_OF_MEMORY', 'MODEL_BROKEN', 'BUG'])
const STARTS = 3 // deaths while starting until it counts as broken
const BROKEN_RETRY_MS = 60_000

/** At once after the first loss, then 0.5 s, 1 s, ... 30 s. */
export const backoffMs = (losses: number): number =>
  losses <= 1 ? 0 : Math.min(30_000, 500 * 2 ** (losses - 2))

/** Keeps one render process alive: starts it, gives it jobs, kills it, starts it again. */
export function startEngine(options: EngineOptions): Engine {
  const { index, setup, log, changed } = options
  let state: EngineStatus['state'] = 'starting'
  let facts: Pick<EngineStatus, 'device' | 'bundle' | 'rss_mb'> = {}
  let life: Life | undefined
  let job: Assignment | undefined
  let failure: JobError | undefined
  let reason: string | undefined
  let timer: NodeJS.Timeout | undefined // the limit of a start, or the wait for the next
  let [serial, jobs, restarts, served, losses, deaths] = [0, 0, 0, 0, 0, 0]
  let planned = false // the end that comes is our own wish
  let stopped = false

  function begin() {
    const began = performance.now()
    served = 0
    const { entry, env, silenceMs, startMs } = options
    const mine = startLife({
      ...{ entry, env, silenceMs },
      // What a dead process had still in its pipe is for nobody.
      onMessage: (message) => life === mine && hear(message, began),
      onLine: (line) => log('engine.stderr', { engine: index, line }),
    })
    life = mine
    mine.send({ type: 'open', setup })
    timer = setTimeout(() => mine.kill(`was not ready after ${startMs / 1000} s`), startMs)
    void mine.gone.then(ended)
  }

  function hear(message: FromChild, began: number) {
    switch (message.type) {
      case 'ready': {
        clearTimeout(timer)
        const { device, bundle } = message
        facts = { ...facts, device, bundle }
        deaths = 0
        failure = reason = undefined
        const seconds = Math.round(performance.now() - began) / 1000
        log('engine.ready', { engine: index, pid: life?.pid, seconds, device, bundle: bundle.id })
        return enter('ready')
      }
      case 'broken':
        return breakDown(fromFailure(message.failure), message.failure.cause)
      case 'note':
        return log(message.event, { engine: index, ...message.fields })
      case 'heartbeat':
        facts.rss_mb = message.rssMb
        return state === 'ready' && worn() ? retire() : undefined
      default:
        if (message.id === job?.id) hearOf(job, message)
    }
  }

  function hearOf(assignment: Assignment, news: RenderNews) {
    assignment.hear(news)
    if (news.type === 'done') {
      losses = 0
      settle()
    } else if (news.type === 'failed') {
      settle(news.failure.code)
    }
  }

  function settle(failed?: ErrorCode) {
    job = undefined
    jobs++
    served++
    if (worn() || (failed && DOUBTFUL.has(failed))) retire()
    else enter('ready')
  }

  const worn = () =>
    served > 0 && (served >= options.maxJobs || (facts.rss_mb ?? 0) > options.maxMb)

  /** An idle process holds nothing worth a goodbye. */
  function retire() {
    planned = true
    enter('starting')
    life?.kill('was replaced')
  }

  function breakDown(error: JobError, cause?: string) {
    failure = error
    reason = error.message
    log('engine.broken', { engine: index, ...error.toJSON(), cause })
    enter('broken')
    life?.kill('could not start')
  }

  function ended(why: string) {
    clearTimeout(timer)
    life = undefined
    delete facts.rss_mb
    log('engine.ended', { engine: index, why, state })
    const lost = job
    job = undefined
    if (stopped) return lost?.lose(new CanceledError('SHUTDOWN', 'the worker is shutting down'))
    restarts++
    losses += planned ? 0 : 1
    if (state === 'starting' && !planned) deaths++
    planned = false
    if (state !== 'broken') {
      reason = `the render process ${why}`
      state = 'starting'
      const often = `${reason} while starting, ${deaths} times; its last words are in the log`
      if (deaths >= STARTS) breakDown(new WorkerError('MODEL_BROKEN', often))
    }
    if (lost) jobs++
    lost?.lose(new WorkerError('ENGINE_LOST', `the render process ${why}`))
    timer = setTimeout(begin, failure ? BROKEN_RETRY_MS : backoffMs(losses))
    changed()
  }

  function enter(next: EngineStatus['state']) {
    state = next
    changed()
  }

  const render: Render = async (task, call) => {
    call.signal.throwIfAborted()
    job = assign(life!, ++serial, task, call, options.graceMs)
    enter('busy')
    return job.ended
  }

  begin()
  return {
    render,
    free: () => state === 'ready' && !life!.doomed(),
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
      await life?.gone
    },
  }
}
