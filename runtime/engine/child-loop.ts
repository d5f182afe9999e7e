import { asJobError, CanceledError } from '../../handler/errors.ts'
import { createLog, type Log, type LogFields } from '../../handler/log.ts'
import { FfmpegStopped } from '../../handler/render/media/ffmpeg-errors.ts'
import type { EstimateRender } from '../../handler/render/estimate-render.ts'
import type { Render, RenderTask } from '../../handler/render/render-task.ts'
import type {
  BundleName,
  SerializedError,
  FromChild,
  InitOptions,
  ToChild,
} from './ipc-messages.ts'

/** What opening gives: a warm render and what it runs on. */
export interface WarmRenderer {
  render: Render
  estimate: EstimateRender
  device: 'cuda' | 'cpu'
  bundle: BundleName
}

/** Puts a warning about the start into the parent's log. */
export type OnWarning = (event: string, fields: LogFields) => void

/**
 * The child's side of the conversation. It never exits by itself: a graph may be running, and
 * exiting beside one aborts (ONNX Runtime joins its threads). The parent kills it; when the parent is gone it
 * kills itself and its ffmpegs.
 */
export function runChildLoop(
  open: (setup: InitOptions, onWarning: OnWarning) => Promise<WarmRenderer>,
): void {
  const running = new Map<number, AbortController>()
  let opened: WarmRenderer | undefined

  async function start(setup: InitOptions) {
    setInterval(sendHeartbeat, setup.beatMs)
    try {
      opened = await open(setup, (event, fields) => send({ type: 'warning', event, fields }))
      const { device, bundle } = opened
      send({ type: 'ready', device, bundle })
    } catch (thrown) {
      send({ type: 'broken', failure: serializeError(thrown) })
    }
  }

  const render = (id: number, task: RenderTask) =>
    answer(id, async (signal, log) => {
      const onProgress = (done: number, total: number) =>
        send({ type: 'progress', id, done, total })
      const onScanned = (done: number, total: number) => send({ type: 'scanned', id, done, total })
      const report = await opened!.render(task, {
        ...{ signal, log, onProgress: sparse(onProgress), onScanned: sparse(onScanned) },
        onStage: (stage, seconds) => send({ type: 'stage', id, stage, seconds }),
      })
      send({ type: 'done', id, report })
    })

  const estimate = (id: number, task: RenderTask) =>
    answer(id, async (signal, log) => {
      const estimate = await opened!.estimate(task, { signal, log })
      send({ type: 'estimated', id, estimate })
    })

  async function answer(id: number, work: (signal: AbortSignal, log: Log) => Promise<void>) {
    const controller = new AbortController()
    running.set(id, controller)
    const { signal } = controller
    try {
      const log = createLog((level, event, fields) =>
        send({ type: 'log', id, level, event, fields }),
      )
      await work(signal, log)
    } catch (thrown) {
      send({ type: 'failed', id, failure: serializeError(thrown, signal) })
    } finally {
      running.delete(id)
    }
  }

  process.on('message', (message: ToChild) => {
    switch (message.type) {
      case 'open':
        return void start(message.setup)
      case 'render':
        return void render(message.id, message.task)
      case 'estimate':
        return void estimate(message.id, message.task)
      case 'cancel':
        return running.get(message.id)?.abort(new CanceledError('CANCELED', 'canceled'))
    }
  })
  process.on('disconnect', killProcessGroup)
  if (!process.connected) killProcessGroup()
  // A signal to the whole process group of a service is for the parent to judge: it may be draining.
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => {})
}

const REPORT_MS = 50

/** Not every frame is worth a message: both processes pay for it. The last one is always told. */
function sparse(report: (done: number, total: number) => void): typeof report {
  let last = -Infinity
  return (done, total) => {
    const now = performance.now()
    if (done < total && now - last < REPORT_MS) return
    last = now
    report(done, total)
  }
}

const sendHeartbeat = () =>
  send({ type: 'heartbeat', rssMb: Math.round(process.memoryUsage.rss() / 1e6) })

/** A parent that is gone is noticed by `disconnect`, so a failed send needs no answer. */
function send(message: FromChild) {
  process.send!(message, undefined, {}, () => {})
}

/** This process leads its group, and every ffmpeg is in it. */
function killProcessGroup() {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    process.kill(process.pid, 'SIGKILL') // started by hand: no group of its own
  }
}

function serializeError(thrown: unknown, signal?: AbortSignal): SerializedError {
  const error = asJobError(thrown, signal)
  const { fault, cause } = error
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : undefined
  return {
    ...error.toJSON(),
    fault,
    ...(stack !== undefined && { cause: stack }),
    ...(cause instanceof FfmpegStopped && { stopped: true as const }),
  }
}
