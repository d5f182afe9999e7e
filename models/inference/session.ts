import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { ModelError } from './errors.ts'
import { cpuFingerprint } from './cpu-fingerprint.ts'
import {
  removeOptimized,
  findOptimized,
  writeOptimized,
  cacheEntry,
  WEIGHTS,
  type CacheEntry,
} from './optimized-graph-cache.ts'
import type { Tensor, Tensors, TensorSpec } from './tensor.ts'

export type Device = 'auto' | 'cuda' | 'cpu'

export interface SessionOptions {
  device: Device
  /** Threads of one graph run on a CPU. */
  threads: number
  /** Most graph runs at the same time on a CPU. Lanes scale better than threads for small graphs. */
  lanes: number
}

/** A graph on disk. */
export interface GraphSource {
  file: string
  /** The variant that is tried first on CUDA. */
  cuda?: string
  /** On a CPU it is loaded by way of an optimized copy in this folder; a distrusted one is removed. */
  copies?: { folder: string; sums: string[]; bytes: number; invalidate: boolean }
}

/** How a graph came to be loaded. */
export interface Loaded {
  device: 'cuda' | 'cpu'
  from: 'file' | 'variant' | 'copy'
  /** Processor and runtime, hashed: where this is the same, a CPU computes the same. */
  host: string
  /** What was tried before, or could not be kept. */
  notes: string[]
  inputs: TensorSpec[]
  outputs: TensorSpec[]
}

/** One loaded graph. */
export interface Session extends Loaded {
  /** Blocks this thread until the graph has run. @throws ModelError */
  run(feeds: Tensors): Promise<Tensors>
}

/**
 * Load a graph on the first provider that takes it. ONNX Runtime throws where a provider is missing
 * instead of falling back, so the providers are tried one by one.
 * @throws ModelError
 */
export async function loadSession(
  source: GraphSource,
  { device: wanted, threads }: Pick<SessionOptions, 'device' | 'threads'>,
): Promise<Session> {
  const host = hostOf()
  const notes: string[] = []
  const place = source.copies && cacheEntry(source.copies, host)
  if (place && source.copies?.invalidate) await removeOptimized(place)
  const usable = source.copies?.invalidate ? undefined : place
  for (const attempt of loadPlans(source, wanted, usable)) {
    try {
      const session = await attempt.create(threads)
      const { device, from } = attempt
      return { ...{ device, from, host, notes }, ...toSession(session) }
    } catch (cause) {
      notes.push(`${attempt.device}, ${attempt.from}: ${messageOf(cause)}`)
    }
  }
  const kind = wanted === 'cuda' ? 'device' : 'bundle'
  throw new ModelError(kind, `cannot load a model graph (${notes.join('; ').slice(0, 600)})`)
}

interface Attempt extends Pick<Loaded, 'device' | 'from'> {
  create(threads: number): Promise<ort.InferenceSession>
}

/** All ways to load a graph, the best first. */
function loadPlans(
  { file, cuda }: GraphSource,
  wanted: Device,
  place: CacheEntry | undefined,
): Attempt[] {
  const chain = wanted === 'auto' ? available() : [wanted]
  const all: Attempt[] = []
  for (const device of chain) {
    const plain = (path: string) => (threads: number) => create(path, device, threads)
    if (device === 'cuda' && cuda) all.push({ device, from: 'variant', create: plain(cuda) })
    if (device === 'cpu' && place) {
      all.push({
        device,
        from: 'copy',
        create: (threads) => createFromOptimized(file, place, threads),
      })
    }
    all.push({ device, from: 'file', create: plain(file) })
  }
  return all
}

/** Trying CUDA without its provider would print an error. */
const available = (): ('cuda' | 'cpu')[] => (hasCuda() ? ['cuda', 'cpu'] : ['cpu'])

/** Whether the CUDA provider is there; ONNX Runtime looks for it in one folder only. */
export function hasCuda(): boolean {
  const binding = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(binding, 'bin', 'napi-v6', process.platform, process.arch)
  return existsSync(join(folder, 'libonnxruntime_providers_cuda.so'))
}

function hostOf(): string {
  const facts = `${cpuFingerprint()}\n${ort.env.versions.node}`
  return createHash('sha256').update(facts).digest('hex').slice(0, 16)
}

const create = (
  file: string,
  device: 'cuda' | 'cpu',
  threads: number,
  options: ort.InferenceSession.SessionOptions = {},
  entries: Record<string, unknown> = {},
) =>
  ort.InferenceSession.create(file, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...options,
    // Spinning threads would take the cores that ffmpeg needs; measured: no latency lost.
    extra: { session: { intra_op: { allow_spinning: '0' }, ...entries } },
  })

/** Prepacking would copy mapped weights into memory again. */
const MAPPED = { disable_prepacking: '1' }

async function createFromOptimized(file: string, place: CacheEntry, threads: number) {
  const copy =
    (await findOptimized(place)) ?? (await writeOptimized(place, (to) => optimize(file, to)))
  try {
    return await create(copy, 'cpu', threads, { graphOptimizationLevel: 'disabled' }, MAPPED)
  } catch (error) {
    await removeOptimized(place)
    throw error
  }
}

/** Weights go beside the graph: a file of its kind holds at most 2 GB. */
async function optimize(file: string, to: string) {
  const session = await create(
    file,
    'cpu',
    1,
    { optimizedModelFilePath: to, graphOptimizationLevel: 'all' },
    {
      ...MAPPED,
      optimized_model_external_initializers_file_name: WEIGHTS,
      optimized_model_external_initializers_min_size_in_bytes: '1024',
    },
  )
  await session.release()
}

function toSession(session: ort.InferenceSession): Pick<Session, 'inputs' | 'outputs' | 'run'> {
  return {
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
