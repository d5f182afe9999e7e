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
 * The inference thread: `session.run()` blocks the thread it is called on completely, so all graphs
 * live on one of their own and pixel work goes on beside it. Runs are served in order.
 */
export interface Inference extends AsyncDisposable {
  load(graph: string, file: string, options: SessionOptions): Promise<GraphInfo>
  /** @throws ModelError */
  run(graph: string, feeds: Tensors): Promise<Tensors>
}

interface Waiting {
  resolve(value: never): void
  reject(error: Error): void
}

export function startInference(): Inference {
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
    const error = new ModelError('device', `the inference thread died: ${cause}`)
    for (const caller of waiting.values()) caller.reject(error)
    waiting.clear()
  })
  worker.unref()

  const ask = <T>(message: Omit<ToThread, 'id'>): Promise<T> => {
    const id = next++
    worker.ref() // an idle thread must not keep the process alive, a running one must
    worker.postMessage({ id, ...message })
    return new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  return {
    load: (graph, file, options) => ask({ load: { graph, file, options } }),
    run: (graph, feeds) => ask({ run: { graph, feeds } }),
    async [Symbol.asyncDispose]() {
      // Ending a thread inside run() aborts the whole process, so it is asked, not terminated.
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      await ask({ stop: true })
      worker.ref()
      await gone
    },
  }
}
