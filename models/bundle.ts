import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ModelError } from './errors.ts'
import { startInference, type GraphInfo } from './inference.ts'
import type { SessionOptions } from './session.ts'
import type { Tensors } from './tensor.ts'

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const GraphEntry = v.object({
  file: v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'must be a plain file name')),
  bytes: v.number(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  licence: v.string(),
  origin: v.string(),
})

const Manifest = v.object({
  format: v.literal(1),
  name: v.string(),
  version: v.string(),
  precision: v.string(),
  graphs: v.object({
    face: GraphEntry,
    encode: GraphEntry,
    listen: GraphEntry,
    generate: GraphEntry,
    /** What is true of a whole clip (its neutral mouth, its teeth), from all its frames. */
    clip: v.optional(GraphEntry),
    parse: v.optional(GraphEntry),
  }),
  /** Layers and width of a speech state; seconds of context shared by neighbouring 30 s pieces. */
  listen: v.object({ layers: v.number(), dim: v.number(), overlapS: v.optional(v.number(), 0) }),
  states: v.array(
    v.object({
      name: v.string(),
      dtype: v.picklist(['uint8', 'float32', 'float16']),
      shape: v.array(v.pipe(v.number(), v.integer(), v.minValue(1))),
    }),
  ),
  /** At most how many frames of a clip the `clip` graph looks at. */
  clip: v.optional(v.object({ frames: v.pipe(v.number(), v.minValue(1)) }), { frames: 64 }),
  batch: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1))), v.minLength(1)),
  /** The chin margin is the larger of both: pixels, and a share of the crop's height. */
  crop: v.object({ chin_margin_px: v.number(), chin_margin_share: v.number() }),
  face: v.object({ threshold: share }),
  /** Where there is no `parse` graph: 0 above top[0], 1 below top[1], ramps at sides and bottom. */
  mask: v.optional(
    v.object({ top: v.pipe(v.tuple([share, share]), v.readonly()), sides: share, bottom: share }),
  ),
  selfTest: v.optional(v.array(v.unknown()), []),
})
export type Manifest = v.InferOutput<typeof Manifest>
export type GraphName = keyof Manifest['graphs']

/** The models as the pipeline sees them; tests bring their own. */
export interface Models {
  manifest: Manifest
  /** SHA-256 over the checksums of all graphs, 12 digits: names exactly these weights. */
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
  const manifest = await readManifest(directory)
  const entries = Object.entries(manifest.graphs) as [GraphName, v.InferOutput<typeof GraphEntry>][]
  await Promise.all(entries.map(([, entry]) => verify(join(directory, entry.file), entry)))
  const files = entries.map(([name, { file }]) => ({ name, file: join(directory, file) }))
  const inference = await startInference(files, options)
  return {
    manifest,
    id: bundleId(manifest),
    graphs: inference.graphs,
    run: (graph, feeds) => inference.run(graph, feeds),
    [Symbol.asyncDispose]: () => inference[Symbol.asyncDispose](),
  }
}

async function readManifest(directory: string): Promise<Manifest> {
  const file = join(directory, 'manifest.json')
  const json = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch((cause) => {
      throw new ModelError('bundle', `${file} is missing or not JSON; is it a model bundle?`, {
        cause,
      })
    })
  const parsed = v.safeParse(Manifest, json)
  if (parsed.success) return parsed.output
  throw new ModelError('bundle', `${file} is not a bundle manifest\n${v.summarize(parsed.issues)}`)
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

function bundleId({ graphs }: Manifest): string {
  const sums = Object.entries(graphs).map(([name, graph]) => `${name}:${graph?.sha256}`)
  return createHash('sha256').update(sums.sort().join('\n')).digest('hex').slice(0, 12)
}
