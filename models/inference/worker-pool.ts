import { Worker } from 'node:worker_threads'
import { ModelError } from './errors.ts'
import type { GraphSource, Loaded, SessionOptions } from './session.ts'
import { createRunQueue, type Lane, type RankedRun } from './run-queue.ts'
import type { InferenceRequest, InferenceResponse } from './inference-thread.ts'

/**
 * Graphs on threads of their own: `session.run()` blocks the thread it is called on completely, so
 * pixel work goes on beside it. Every lane holds every graph, and one queue lies before all of them.
 */
export interface InferencePool extends AsyncDisposable {
  /** What was loaded, by name. */
  graphs: Record<string, Loaded>
  /** @throws ModelError */
  run: RankedRun
}

/**
 * Load graphs. The first lane is ready when this resolves; on a CPU the others follow in the
 * background, on a GPU there are no others: two runs would not be faster, but need memory twice.
 *
 * @param entry what a thread runs; a benchmark brings its own
 * @throws ModelError
 */
export async function createInferencePool(
  sources: Readonly<Record<string, GraphSource>>,
  options: SessionOptions,
  entry = workerEntry(),
): Promise<InferencePool> {
  const first = startThread(entry)
  const lanes = [first]
  const threads = [first]
  const load = async (thread: Thread) => {
    const graphs: Record<string, Loaded> = {}
    for (const [graph, source] of Object.entries(sources)) {
      graphs[graph] = await thread.call({ load: { graph, source, options } })
    }
    return graphs
  }
  const graphs = await load(first).catch(async (error: unknown) => {
    await first.stop()
    throw error
  })
  const onCpu = Object.values(graphs).every(({ device }) => device === 'cpu')
  while (onCpu && threads.length < options.lanes) {
    const thread = startThread(entry)
    threads.push(thread)
    // A lane that cannot be loaded (memory) is a lane less, not a failure.
    void load(thread).then(
      () => lanes.push(thread),
      () => {},
    )
  }
  return {
    graphs,
    run: createRunQueue(lanes),
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map((thread) => thread.stop()))
    },
  }
}

interface Thread extends Lane {
  call<T>(message: Omit<InferenceRequest, 'id'>): Promise<T>
  stop(): Promise<void>
}

interface Waiting {
  resolve(value: never): void
  reject(error: Error): void
}

const workerEntry = (): URL => {
  const file = import.meta.url.endsWith('.ts') ? './inference.worker.ts' : './inference.worker.js'
  return new URL(file, import.meta.url)
}

function startThread(entry: URL): Thread {
  const worker = new Worker(entry)
  const waiting = new Map<number, Waiting>()
  let next = 0

  worker.on('message', ({ id, value, error }: InferenceResponse) => {
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

  const call = <T>(message: Omit<InferenceRequest, 'id'>): Promise<T> => {
    const id = next++
    worker.ref() // an idle thread must not keep the process alive, a busy one must
    worker.postMessage({ id, ...message })
    return new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  return {
    call,
    run: (graph, feeds) => call({ run: { graph, feeds } }),
    waiting: () => waiting.size,
    async stop() {
      // Ending a thread inside run() aborts the whole process, so it is asked, not terminated.
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      await call({ stop: true })
      worker.ref()
      await gone
    },
  }
}
