import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInferencePool } from './worker-pool.ts'
import { filesOf, graphsOf, filesOfGraph, readManifest } from './manifest.ts'
import type { GraphFiles, GraphName, Manifest } from './manifest.ts'
import { splitWhenOutOfMemory } from './memory-fallback.ts'
import { selfTest } from './self-test.ts'
import type { GraphSource, Loaded, SessionOptions } from './session.ts'
import { checkFiles, stampsOf } from './file-verification.ts'
import type { Models } from './models.ts'

export interface BundleOptions extends SessionOptions {
  /**
   * Folder for optimized copies of large graphs and for what is known of the bundle's files; nothing
   * is kept where unset. Several processes may share it.
   */
  cache?: string
  /** Whatever is known: recompute the golden numbers; hash the files too. */
  recheck?: 'numbers' | 'all'
  /** Load the portable graphs as they are, and forget their copies. */
  skipDerived?: boolean
  /** Told what an operator should know: a fallback, a copy that could not be kept. */
  onWarning?: (event: string, fields: Record<string, unknown>) => void
}

export interface Bundle extends Models, AsyncDisposable {
  graphs: Partial<Record<GraphName, Loaded>>
  /**
   * Recompute the golden numbers. On a CPU success is remembered: the same files, processor and
   * runtime give the same numbers again, and a large bundle takes seconds for them.
   * @throws ModelError
   */
  verify(): Promise<void>
}

/** Bytes of a graph from which an optimized copy pays. */
const COPY_BYTES = 16 << 20
/** Bytes of all graphs from which all threads work on one run: lanes would multiply the memory. */
const ONE_LANE_BYTES = 256 << 20

/**
 * Load a bundle: manifest, files checked, all graphs on inference threads.
 * @throws ModelError naming the file and what is wrong with it
 */
export async function openBundle(directory: string, options: BundleOptions): Promise<Bundle> {
  const { cache, recheck, onWarning = () => {} } = options
  const { manifest, id } = await readManifest(directory)
  const stamps = stampsOf(directory, cache && join(cache, 'stamps'))
  const known = recheck === 'all' ? undefined : await stamps.read()
  const stamp = await checkFiles(directory, id, filesOf(manifest), known)
  const remember = async (tested: string[]) => {
    const problem = await stamps.write({ ...stamp, tested })
    if (problem) onWarning('bundle.unremembered', { problem })
  }
  if (stamp !== known) await remember([])

  const sources = graphsOf(manifest).map(({ name, entry }): [GraphName, GraphSource] => [
    name,
    sourceOf(directory, entry, options),
  ])
  const inference = await createInferencePool(
    Object.fromEntries(sources),
    workerOptions(manifest, options),
  )
  const graphs: Bundle['graphs'] = inference.graphs
  for (const [graph, { device, from, notes }] of Object.entries(inference.graphs)) {
    if (notes.length > 0) onWarning('graph.fallback', { graph, device, from, tried: notes })
  }
  const models: Models = {
    manifest,
    id,
    graphs,
    run: splitWhenOutOfMemory(inference.run, (graph, batch) =>
      onWarning('batch.smaller', { graph, batch, reason: 'out of memory' }),
    ),
  }
  const { tested } = stamp
  return {
    ...{ ...models, graphs },
    async verify() {
      const all = Object.values(inference.graphs)
      const exact = all.every(({ device }) => device === 'cpu')
      if (!recheck && exact && all.every(({ host }) => tested.includes(host))) return
      await selfTest(models)
      if (exact) await remember([...new Set([...tested, ...all.map(({ host }) => host)])])
    },
    [Symbol.asyncDispose]: () => inference[Symbol.asyncDispose](),
  }
}

/**
 * Load a bundle and recompute its golden numbers. Where they are wrong, the graphs are tried as they
 * were published: an optimized copy may be damaged, a variant may not suit this GPU.
 *
 * @throws ModelError
 */
export async function openVerified(directory: string, options: BundleOptions): Promise<Bundle> {
  const bundle = await openBundle(directory, options)
  try {
    await bundle.verify()
    return bundle
  } catch (error) {
    await bundle[Symbol.asyncDispose]()
    const derived = Object.values(bundle.graphs).some(({ from }) => from !== 'file')
    if (!derived || options.skipDerived) throw error
    options.onWarning?.('bundle.distrusted', { reason: (error as Error).message })
    return openVerified(directory, { ...options, skipDerived: true })
  }
}

function sourceOf(
  directory: string,
  entry: GraphFiles & { cuda?: GraphFiles | undefined },
  { cache, skipDerived = false }: BundleOptions,
): GraphSource {
  const parts = filesOfGraph(entry)
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const sums = parts.map(({ sha256 }) => sha256)
  const folder = cache && bytes >= COPY_BYTES && join(cache, 'graphs')
  return {
    file: join(directory, entry.file),
    ...(entry.cuda && !skipDerived && { cuda: join(directory, entry.cuda.file) }),
    ...(folder && { copies: { folder, sums, bytes, invalidate: skipDerived } }),
  }
}

/** One core is for ffmpeg and the pixels: on two, a second lane took 7 to 10 % more CPU and won no time. */
const mostLanes = () => Math.max(1, availableParallelism() - 1)

function workerOptions(
  manifest: Manifest,
  { device, threads, lanes }: SessionOptions,
): SessionOptions {
  const parts = graphsOf(manifest).flatMap(({ entry }) => filesOfGraph(entry))
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  return bytes < ONE_LANE_BYTES
    ? { device, threads, lanes: Math.min(lanes, mostLanes()) }
    : { device, threads: threads * lanes, lanes: 1 }
}
