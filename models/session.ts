import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { ModelError } from './errors.ts'
import type { Tensor, Tensors, TensorSpec } from './tensor.ts'

export type Device = 'auto' | 'cuda' | 'cpu'

export interface SessionOptions {
  device: Device
  /** Threads of one graph run on a CPU. */
  threads: number
  /** Graph runs at the same time on a CPU. Lanes scale better than threads for small graphs. */
  lanes: number
}

/** One loaded graph. */
export interface Session {
  device: 'cuda' | 'cpu'
  inputs: TensorSpec[]
  outputs: TensorSpec[]
  /** Blocks this thread until the graph has run. @throws ModelError */
  run(feeds: Tensors): Promise<Tensors>
}

/**
 * Load a graph on the first provider that takes it. ONNX Runtime throws where a provider is missing
 * instead of falling back, so the providers are tried one by one.
 * @throws ModelError
 */
export async function loadSession(file: string, options: SessionOptions): Promise<Session> {
  const chain = options.device === 'auto' ? available() : [options.device]
  const failures: string[] = []
  for (const device of chain) {
    try {
      return wrap(await create(file, device, options.threads), device)
    } catch (cause) {
      failures.push(`${device}: ${messageOf(cause)}`)
    }
  }
  const kind = options.device === 'cuda' ? 'device' : 'bundle'
  throw new ModelError(kind, `cannot load a model graph (${failures.join('; ').slice(0, 600)})`)
}

/** The CUDA provider is looked for in one folder only; trying without it prints an error for us. */
function available(): ('cuda' | 'cpu')[] {
  const binding = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(binding, 'bin', 'napi-v6', process.platform, process.arch)
  return existsSync(join(folder, 'libonnxruntime_providers_cuda.so')) ? ['cuda', 'cpu'] : ['cpu']
}

const create = (file: string, device: 'cuda' | 'cpu', threads: number) =>
  ort.InferenceSession.create(file, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    // Spinning threads would take the cores that ffmpeg needs; measured: no latency lost.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })

function wrap(session: ort.InferenceSession, device: 'cuda' | 'cpu'): Session {
  return {
    device,
    inputs: session.inputMetadata.map(specOf),
    outputs: session.outputMetadata.map(specOf),
    async run(feeds) {
      const inputs: Record<string, ort.Tensor> = {}
      for (const name of session.inputNames) {
        const feed = feeds[name]
        if (!feed) throw new ModelError('bundle', `graph input "${name}" was not fed`)
        inputs[name] = new ort.Tensor(feed.type as 'uint8', feed.data as Uint8Array, feed.dims)
      }
      try {
        const outputs = await session.run(inputs)
        return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, tensorFrom(t)]))
      } catch (cause) {
        throw asModelError(cause)
      }
    },
  }
}

function specOf(meta: ort.InferenceSession.ValueMetadata): TensorSpec {
  return meta.isTensor
    ? { name: meta.name, type: meta.type, shape: meta.shape }
    : { name: meta.name, type: 'none', shape: [] }
}

const tensorFrom = ({ type, dims, data }: ort.Tensor): Tensor => ({ type, dims, data }) as Tensor

const messageOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown))

/** ONNX Runtime reports everything as text; this is its door, so the text is read here only. */
function asModelError(cause: unknown): ModelError {
  const message = messageOf(cause)
  const memory = /out of memory|failed to allocate|bad_alloc|BFCArena|CUDA_ERROR_OUT_OF_MEMORY/i
  const device = /CUDA|cuDNN|cuBLAS|driver/i
  const kind = memory.test(message) ? 'memory' : device.test(message) ? 'device' : 'bundle'
  return new ModelError(kind, `graph run failed: ${message.slice(0, 600)}`, { cause })
}
