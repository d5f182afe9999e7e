import type { MessagePort } from 'node:worker_threads'
import { ModelError } from './errors.ts'
import type { GraphSource, Session, SessionOptions } from './session.ts'
import type { Tensors } from './tensor.ts'

export interface InferenceRequest {
  id: number
  load?: { graph: string; source: GraphSource; options: SessionOptions }
  run?: { graph: string; feeds: Tensors }
  stop?: true
}

export interface InferenceResponse {
  id: number
  value?: unknown
  /** What it took. */
  ms?: number
  error?: { kind: ModelError['kind']; message: string }
}

/** How a thread gets a graph that it can run. */
export type LoadGraph = (source: GraphSource, options: SessionOptions) => Promise<Session>

/** The far end of `createInferencePool`: load graphs and run them, one message after the other. */
export function serveGraphs(port: MessagePort, loadGraph: LoadGraph): void {
  const sessions = new Map<string, Session>()

  async function answer({ load, run }: InferenceRequest): Promise<unknown> {
    if (load) {
      const session = await loadGraph(load.source, load.options)
      sessions.set(load.graph, session)
      const { run: _, ...loaded } = session
      return loaded
    }
    if (!run) return undefined
    const session = sessions.get(run.graph)
    if (!session) throw new ModelError('bundle', `graph "${run.graph}" is not loaded`)
    return session.run(run.feeds)
  }

  let queue = Promise.resolve()
  port.on('message', (message: InferenceRequest) => {
    queue = queue.then(async () => {
      const { id } = message
      const started = performance.now()
      try {
        const value = await answer(message)
        port.postMessage(
          { id, value, ms: performance.now() - started } satisfies InferenceResponse,
          message.run ? buffers(value) : [],
        )
      } catch (error) {
        port.postMessage({ id, error: describeError(error) } satisfies InferenceResponse)
      }
      if (message.stop) port.close()
    })
  })
}

/** Outputs are ours alone, so they are handed over instead of copied. */
const buffers = (outputs: unknown): ArrayBuffer[] => [
  ...new Set(Object.values(outputs as Tensors).map(({ data }) => data.buffer as ArrayBuffer)),
]

const describeError = (error: unknown): NonNullable<InferenceResponse['error']> =>
  error instanceof ModelError
    ? { kind: error.kind, message: error.message }
    : { kind: 'device', message: String(error) }
