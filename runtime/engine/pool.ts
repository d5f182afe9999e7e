import { CanceledError, WorkerError } from '../../handler/errors.ts'
import type { CacheOptions } from '../../handler/render/avatar/avatar-cache.ts'
import type { Log } from '../../handler/log.ts'
import type { EstimateRender } from '../../handler/render/estimate-render.ts'
import type { RenderCall, RenderTask, Render } from '../../handler/render/render-task.ts'
import type { Device } from '../../models/inference/session.ts'
import { renderProcessEnv } from '../config/config.ts'
import { RenderInterrupted } from './pending-render.ts'
import type { Engine, EngineStatus } from './engine.ts'
import { createSupervisor } from './supervisor.ts'

export type { EngineStatus } from './engine.ts'

export interface EnginesOptions {
  /** One engine for each: the value of its CUDA_VISIBLE_DEVICES; '' leaves that as it is. */
  devices: string[]
  device: Device
  /** Folder of the model bundle. */
  bundle: string
  ffmpegPath?: string
  /** Where to keep what is learned about videos, and how much of it; nothing where unset. */
  cache?: CacheOptions
  /** Where to keep optimized copies of large graphs; nowhere where unset. */
  modelCache?: string
  /** Threads of one graph run on a CPU. */
  threads?: number
  /** For tasks that name none. */
  batchSize?: number
  /** Renders at once in one engine; two on a GPU and one on a CPU where unset. */
  renders?: number
  /** An engine is replaced after so many renders, or when it is larger than so many MB after one. */
  maxJobs: number
  maxMb?: number
  /** An engine that is silent for so long is killed; default 15 s. */
  heartbeatMs?: number
  /** What an aborted render may take to stop before its engine is killed; default 5 s. */
  graceMs?: number
  /** What a start may take; default 10 minutes, for large bundles on slow disks. */
  startMs?: number
  /** What the engine process runs; tests bring their own. */
  entry?: URL
  log: Log
}

export interface RenderPool extends AsyncDisposable {
  /** Waits in order for a free engine. @throws JobError, the signal's reason first */
  render: Render
  /** Asks an engine that lives, also while it renders. @throws as `render` does */
  estimate: EstimateRender
  status(): EngineStatus[]
  /** Engines that can render: so many parts of one job may be drawn at once. */
  room(): number
  /**
   * Resolves when an engine is ready.
   * @throws WorkerError saying what to do, when none can start; the signal's reason
   */
  ready(signal: AbortSignal): Promise<void>
}

interface QueuedRender {
  go(engine: Engine): void
  refuse(error: Error): void
}

/** The render processes, one for each device, and the line of jobs before them. */
export function createRenderPool(options: EnginesOptions): RenderPool {
  const { devices, batchSize, log } = options
  const [queue, estimates]: [QueuedRender[], QueuedRender[]] = [[], []]
  const watchers = new Set<() => void>()
  let closed = false

  function changed() {
    const isFree = (engine: Engine) => engine.free()
    const isAlive = (engine: Engine) => engine.alive()
    for (let one; queue.length > 0 && (one = leastLoaded(isFree));) queue.shift()!.go(one)
    for (let one; estimates.length > 0 && (one = leastLoaded(isAlive));) estimates.shift()!.go(one)
    const refusal = closed ? shutdown() : broken() && refused(broken()!)
    if (refusal)
      for (const line of [queue, estimates]) for (const one of line.splice(0)) one.refuse(refusal)
    for (const watcher of watchers) watcher()
  }

  const engines = devices.map((device, index) =>
    createSupervisor({ ...engineOptions(options, device), index, log, changed }),
  )

  function leastLoaded(canTake: (engine: Engine) => boolean): Engine | undefined {
    const free = engines.filter(canTake)
    return free.toSorted((a, b) => a.load() - b.load())[0]
  }

  /** Why no engine can start. */
  function broken(): Error | undefined {
    const failures = engines.map((engine) => engine.failure())
    return failures.every(Boolean) ? failures[0] : undefined
  }

  const render: Render = (task, call) =>
    inLine(queue, task, call, (engine, sized) => engine.render(sized, call))

  const estimate: EstimateRender = (task, call) =>
    inLine(estimates, task, call, (engine, sized) => engine.estimate(sized, call))

  async function inLine<T>(
    line: QueuedRender[],
    task: RenderTask,
    call: Pick<RenderCall, 'signal' | 'onRestart'>,
    start: (engine: Engine, sized: RenderTask) => Promise<T>,
  ): Promise<T> {
    const { signal } = call
    signal.throwIfAborted()
    const sized = batchSize === undefined ? task : { batchSize, ...task }
    let stops = 0 // of its ffmpeg by signals from outside, or with others that may be to blame
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.splice(line.indexOf(waiting), 1)
        reject(signal.reason)
      }
      const waiting: QueuedRender = {
        go(engine) {
          signal.removeEventListener('abort', leave)
          start(engine, sized).then(resolve, (error: Error) => {
            if (!(error instanceof RenderInterrupted)) return reject(error)
            if (error.failure && stops++ > 0) return reject(error.failure)
            log.warn('render.again', { reason: error.message })
            call.onRestart?.()
            enter('unshift')
          })
        },
        refuse(error) {
          signal.removeEventListener('abort', leave)
          reject(error)
        },
      }
      const enter = (where: 'push' | 'unshift') => {
        if (signal.aborted) return reject(signal.reason)
        signal.addEventListener('abort', leave)
        line[where](waiting)
        changed()
      }
      enter('push')
    })
  }

  async function ready(signal: AbortSignal) {
    const up = () => engines.some((engine) => ['ready', 'busy'].includes(engine.status().state))
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        const error = signal.aborted ? signal.reason : closed ? shutdown() : broken()
        if (!error && !up()) return
        watchers.delete(check)
        signal.removeEventListener('abort', check)
        if (error) reject(error)
        else resolve()
      }
      watchers.add(check)
      signal.addEventListener('abort', check)
      check()
    })
  }

  return {
    render,
    estimate,
    ready,
    status: () => engines.map((engine) => engine.status()),
    room: () => engines.filter((engine) => !engine.failure()).length,
    async [Symbol.asyncDispose]() {
      closed = true
      changed()
      await Promise.all(engines.map((engine) => engine.stop()))
    },
  }
}

const shutdown = () => new CanceledError('SHUTDOWN', 'the worker is shutting down')

/** What callers are told of a broken worker: its paths and drivers are not their affair. */
function refused(cause: Error): WorkerError {
  const code = cause instanceof WorkerError ? cause.code : 'MODEL_BROKEN'
  const message = 'this worker cannot render: its models or its ffmpeg are broken; see its log'
  return new WorkerError(code === 'FFMPEG_MISSING' ? code : 'MODEL_BROKEN', message, { cause })
}

function engineOptions(options: EnginesOptions, visible: string) {
  const { heartbeatMs = 15_000, graceMs = 5_000, startMs = 600_000 } = options
  const file = import.meta.url.endsWith('.ts') ? './render.process.ts' : './render.process.js'
  const { bundle, device, threads = 1, ffmpegPath, cache, modelCache } = options
  const { maxJobs, maxMb = Infinity, renders } = options
  return {
    entry: options.entry ?? new URL(file, import.meta.url),
    env: renderProcessEnv(visible),
    setup: {
      ...{ bundle, device, threads, lanes: 2 },
      ...(cache && { cache }),
      ...(modelCache !== undefined && { modelCache }),
      ...(ffmpegPath !== undefined && { ffmpegPath }),
      beatMs: Math.min(1000, heartbeatMs / 5),
    },
    ...{ maxJobs, maxMb, graceMs, startMs, silenceMs: heartbeatMs },
    ...(renders !== undefined && { renders }),
  }
}
