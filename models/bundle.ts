import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError } from './errors.ts'
import { startInference, type GraphInfo } from './inference.ts'
import { filesOf, graphsOf, readManifest, type GraphName, type Manifest } from './manifest.ts'
import type { SessionOptions } from './session.ts'
import type { Tensors } from './tensor.ts'

/** The models as the pipeline sees them; tests bring their own. */
export interface Models {
  manifest: Manifest
  /** Of the manifest: names exactly these weights and rules. */
  id: string
  graphs: Partial<Record<GraphName, GraphInfo>>
  /** @throws ModelError */
  run(graph: GraphName, feeds: Tensors): Promise<Tensors>
}

export type Bundle = Models & AsyncDisposable

/**
 * Load a bundle: manifest, checksums, all graphs on the inference thread.
 * @throws ModelError naming the file and what is wrong with it
 */
export async function openBundle(directory: string, options: SessionOptions): Promise<Bundle> {
  const { manifest, id } = await readManifest(directory)
  await Promise.all(filesOf(manifest).map((entry) => verify(join(directory, entry.file), entry)))
  const files = graphsOf(manifest).map(({ name, entry }) => ({
    name,
    file: join(directory, entry.file),
  }))
  const inference = await startInference(files, options)
  return {
    manifest,
    id,
    graphs: inference.graphs,
    run: (graph, feeds) => inference.run(graph, feeds),
    [Symbol.asyncDispose]: () => inference[Symbol.asyncDispose](),
  }
}

async function verify(file: string, entry: { bytes: number; sha256: string }): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found?.size !== entry.bytes) {
    const size = found ? `has ${found.size} bytes` : 'is missing'
    throw new ModelError('bundle', `${file} ${size}; the manifest says ${entry.bytes} bytes`)
  }
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  if (hash.digest('hex') !== entry.sha256) {
    throw new ModelError('bundle', `${file} is damaged: its SHA-256 is not the manifest's`)
  }
}
