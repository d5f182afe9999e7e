import { Worker } from 'node:worker_threads'
import { ModelError } from './errors.ts'
import type { GraphSource, Loaded, SessionOptions } from './session.ts'
import { createRunQueue, type Lane, type RankedRun } from './run-queue.ts'
import type { InferenceRequest, InferenceResponse } from './inference-thread.ts'
import type { Tensors } from './tensor.ts'

/**
 * Graphs on threads of their own: `session.run()` blocks the thread it is called on completely, so
 * pixel work goes on beside it. One queue lies before all of them.
 */
export interface InferencePool extends AsyncDisposable {
  /** What was loaded, by name. */
  graphs: Record<string, Loaded>
  /** @throws ModelError */
  run: RankedRun
}

/** How often the time to load a graph it must have run before another lane loads it: short jobs never pay. */
const WORTH = 4

/**
 * Load graphs. One lane holds all of them when this resolves; on a CPU others load what runs much. On a
 * GPU there are no others: two runs would not be faster, but need memory twice.
 *
 * @param entry what a thread runs; a benchmark brings its own
 * @throws ModelError
 */
export async function createInferencePool(
  sources: Readonly<Record<string, GraphSource>>,
  options: SessionOptions,
  entry = workerEntry(),
): Promise<InferencePool> {
  const threads = [startThread(entry)]
  const [first] = threads as [Thread]
  const loadMs = new Map<string, number>()
  const runMs = new Map<string, number>()
  const stop = () => Promise.all(threads.map((thread) => thread.stop()))

  const load = async (thread: Thread, graph: string) => {
    const source = sources[graph]!
    const { value, ms } = await thread.call<Loaded>({ load: { graph, source, options } })
    loadMs.set(graph, ms)
    thread.held.add(graph)
    return value
  }
  const graphs: Record<string, Loaded> = {}
  try {
    for (const graph of Object.keys(sources)) graphs[graph] = await load(first, graph)
  } catch (error) {
    await stop()
    throw error
  }
  const onCpu = Object.values(graphs).every(({ device }) => device === 'cpu')
  const most = onCpu ? options.lanes : 1
  const lanes = [laneOf(first)]
  const wide = new Set<string>() // graphs that all lanes hold, or will soon
  let ended = false

  function laneOf(thread: Thread): Lane {
    return {
      holds: (graph) => thread.held.has(graph),
      waiting: thread.waiting,
      async run(graph, feeds) {
        const { value, ms } = await thread.call<Tensors>({ run: { graph, feeds } })
        const spent = (runMs.get(graph) ?? 0) + ms
        runMs.set(graph, spent)
        if (spent >= WORTH * loadMs.get(graph)! && !wide.has(graph) && !ended) widen(graph)
        return value
      },
    }
  }

  function widen(graph: string) {
    wide.add(graph)
    for (let i = 1; i < most; i++) {
      if (!threads[i]) lanes.push(laneOf((threads[i] = startThread(entry))))
      // A graph that cannot be loaded (memory) stays with the lanes that hold it.
      load(threads[i]!, graph).catch(() => {})
    }
  }

  return {
    graphs,
    run: createRunQueue(lanes),
    async [Symbol.asyncDispose]() {
      ended = true
      await stop()
    },
  }
}

interface Thread extends Pick<Lane, 'waiting'> {
  /** Graphs that it has loaded. */
  held: Set<string>
  call<T>(message: Omit<InferenceRequest, 'id'>): Promise<Answer<T>>
  stop(): Promise<void>
}

interface Answer<T> {
  value: T
  ms: number
}

interface Waiting {
  resolve(answer: Answer<never>): void
  reject(error: Error): void
}

const workerEntry = (): URL => {
  const file = import.meta.url.endsWith('.ts') ? './inference.worker.ts' : './inference.worker.js'
  return new URL(file, import.meta.url)
}

function startThread(entry: URL): Thread {
  const worker = new Worker(entry, { name: 'graphs' })
  const waiting = new Map<number, Waiting>()
  let next = 0

  worker.on('message', ({ id, value, ms = 0, error }: InferenceResponse) => {
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error) caller?.reject(new ModelError(error.kind, error.message))
    else caller?.resolve({ value: value as never, ms })
    if (waiting.size === 0) worker.unref()
  })
  worker.on('error', (cause) => {
    const error = new ModelError('device', `an inference thread died: ${cause}`)
    for (const caller of waiting.values()) caller.reject(error)
    waiting.clear()
  })
  worker.unref()

  const call = <T>(message: Omit<InferenceRequest, 'id'>): Promise<Answer<T>> => {
    const id = next++
    worker.ref() // an idle thread must not keep the process alive, a busy one must
    worker.postMessage({ id, ...message })
    return new Promise<Answer<T>>((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  return {
    held: new Set(),
    call,
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
