import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ModelError } from './errors.ts'

const unitInterval = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const positiveInt = v.pipe(v.number(), v.integer(), v.minValue(1))

const BundleFile = v.object({
  file: v.pipe(v.string(), v.regex(/^\w[\w.-]*$/, 'must be a plain file name')),
  bytes: positiveInt,
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
/** `data` holds the weights that lie beside the .onnx; several graphs may share one such file. */
const GraphFiles = v.object({ ...BundleFile.entries, data: v.optional(v.array(BundleFile)) })
const GraphEntry = v.pipe(
  v.looseObject({}),
  // Bundles made by the first exporters spell it the other way.
  v.transform(({ licence, ...entry }) => ({ license: licence, ...entry })),
  v.object({
    ...GraphFiles.entries,
    license: v.string(),
    origin: v.string(),
    /** The same graph for CUDA alone, where it is tried first. */
    cuda: v.optional(GraphFiles),
  }),
)

export const GRAPH_NAMES = [
  ...([
    'face',
    'face_reference',
    'track',
    'encode',
    'listen',
    'generate',
    'clip',
    'parse',
  ] as const),
]
export type GraphName = (typeof GRAPH_NAMES)[number]

const Manifest = v.object({
  format: v.literal(1),
  name: v.string(),
  version: v.string(),
  precision: v.string(),
  graphs: v.object({
    /** Absent: jobs must say where the face is. */
    face: v.optional(GraphEntry),
    /** What `face` is for jobs with `compat: "reference"`. */
    face_reference: v.optional(GraphEntry),
    /** Where a face is now that had these landmarks a moment ago, without looking for others. */
    track: v.optional(GraphEntry),
    encode: GraphEntry,
    listen: GraphEntry,
    generate: GraphEntry,
    /** What is true of a whole clip (its neutral mouth, its teeth), from all its frames. */
    clip: v.optional(GraphEntry),
    parse: v.optional(GraphEntry),
  }),
  /** Layers and width of a speech state; seconds of context shared by neighboring 30 s pieces. */
  listen: v.object({ layers: v.number(), dim: v.number(), overlapS: v.optional(v.number(), 0) }),
  states: v.array(
    v.object({
      name: v.string(),
      dtype: v.picklist(['uint8', 'float32']),
      shape: v.array(positiveInt),
    }),
  ),
  /** At most how many frames of a clip the `clip` graph looks at. */
  clip: v.optional(v.object({ frames: v.pipe(v.number(), v.minValue(1)) }), { frames: 64 }),
  batch: v.pipe(v.array(positiveInt), v.minLength(1)),
  /** The chin margin is the larger of both: pixels, and a share of the crop's height. */
  crop: v.object({ chin_margin_px: v.number(), chin_margin_share: v.number() }),
  face: v.object({ threshold: unitInterval }),
  /** Where there is no `parse` graph: 0 above top[0], 1 below top[1], ramps at sides and bottom. */
  mask: v.optional(
    v.object({
      top: v.pipe(v.tuple([unitInterval, unitInterval]), v.readonly()),
      sides: unitInterval,
      bottom: unitInterval,
    }),
  ),
  selfTest: v.optional(v.array(v.unknown()), []),
})
export type Manifest = v.InferOutput<typeof Manifest>
export type BundleFile = v.InferOutput<typeof BundleFile>
export type GraphFiles = v.InferOutput<typeof GraphFiles>

/**
 * What a bundle says about itself, and its id: the first 12 hex digits of the SHA-256 of
 * manifest.json, which holds the checksums of everything else.
 *
 * @throws ModelError
 */
export async function readManifest(directory: string): Promise<{ manifest: Manifest; id: string }> {
  const file = join(directory, 'manifest.json')
  const fail = (cause: unknown): never => {
    const message = `${file} is missing or not JSON; is it a model bundle?`
    throw new ModelError('bundle', message, { cause })
  }
  const bytes = await readFile(file).catch(fail)
  const parsed = v.safeParse(Manifest, parseJson(bytes, fail))
  if (!parsed.success) {
    const why = v.summarize(parsed.issues)
    throw new ModelError('bundle', `${file} is not a bundle manifest\n${why}`)
  }
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { manifest: parsed.output, id }
}

function parseJson(bytes: Buffer, fail: (cause: unknown) => never): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    return fail(cause)
  }
}

/** The graphs that a bundle has, in the order of `GRAPH_NAMES`. */
export const graphsOf = ({ graphs }: Manifest) =>
  GRAPH_NAMES.flatMap((name) => (graphs[name] ? [{ name, entry: graphs[name] }] : []))

/** What a bundle cannot do, in words; undefined where it can do every job. */
export const shortcomingOf = ({ graphs }: Manifest): string | undefined =>
  graphs.face ? undefined : 'no face detector: only jobs that bring face.boxes can be rendered'

/** A graph's own file and the weights beside it. */
export const filesOfGraph = (graph: GraphFiles): BundleFile[] => [graph, ...(graph.data ?? [])]

/**
 * Every file of a bundle once.
 * @throws ModelError where two graphs disagree about a file that they share
 */
export function filesOf(manifest: Manifest): BundleFile[] {
  const files = new Map<string, BundleFile>()
  for (const { entry } of graphsOf(manifest)) {
    for (const { file, bytes, sha256 } of [
      ...filesOfGraph(entry),
      ...(entry.cuda ? filesOfGraph(entry.cuda) : []),
    ]) {
      const known = files.get(file)
      if (known && (known.bytes !== bytes || known.sha256 !== sha256)) {
        throw new ModelError('bundle', `the manifest has two checksums for ${file}`)
      }
      files.set(file, { file, bytes, sha256 })
    }
  }
  return [...files.values()]
}
