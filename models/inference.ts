import { Worker } from 'node:worker_threads'
import { ModelError } from './errors.ts'
import type { SessionOptions } from './session.ts'
import type { Tensors, TensorSpec } from './tensor.ts'
import type { FromThread, ToThread } from './thread.ts'

export interface GraphInfo {
  device: 'cuda' | 'cpu'
  inputs: TensorSpec[]
  outputs: TensorSpec[]
}

/**
 * Graphs on threads of their own: `session.run()` blocks the thread it is called on completely, so
 * pixel work goes on beside it. Every lane holds every graph; a run takes the lane with least to do.
 */
export interface Inference extends AsyncDisposable {
  load(graph: string, file: string, options: SessionOptions): Promise<GraphInfo>
  /** @throws ModelError */
  run(graph: string, feeds: Tensors): Promise<Tensors>
}

/** @param lanes runs at the same time; more than one pays on a CPU only */
export function startInference(lanes: number): Inference {
  const threads = Array.from({ length: lanes }, startThread)
  return {
    async load(graph, file, options) {
      const ask = (thread: Thread) => thread.ask<GraphInfo>({ load: { graph, file, options } })
      const [info] = await Promise.all(threads.map(ask))
      return info!
    },
    run(graph, feeds) {
      const idlest = threads.reduce((a, b) => (b.waiting() < a.waiting() ? b : a))
      return idlest.ask({ run: { graph, feeds } })
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map((thread) => thread.stop()))
    },
  }
}

interface Thread {
  ask<T>(message: Omit<ToThread, 'id'>): Promise<T>
  /** Questions without an answer yet. */
  waiting(): number
  stop(): Promise<void>
}

interface Waiting {
  resolve(value: never): void
  reject(error: Error): void
}

function startThread(): Thread {
  const entry = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
  const worker = new Worker(new URL(entry, import.meta.url))
  const waiting = new Map<number, Waiting>()
  let next = 0

  worker.on('message', ({ id, value, error }: FromThread) => {
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error) caller?.reject(new ModelError(error.kind, error.message))
    else caller?.resolve(value as never)
    if (waiting.size === 0) worker.unref()
  })
  worker.on('error', (cause) => {
    const error = new ModelError('device', `an inference thread died: ${cause}`)
    for (const caller of waiting.values()) caller.reject(error)
    waiting.clear()
  })
  worker.unref()

  const ask = <T>(message: Omit<ToThread, 'id'>): Promise<T> => {
    const id = next++
    worker.ref() // an idle thread must not keep the process alive, a busy one must
    worker.postMessage({ id, ...message })
    return new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  return {
    ask,
    waiting: () => waiting.size,
    async stop() {
      // Ending a thread inside run() aborts the whole process, so it is asked, not terminated.
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      await ask({ stop: true })
      worker.ref()
      await gone
    },
  }
}
