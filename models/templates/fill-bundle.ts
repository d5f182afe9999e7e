import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import { CheckpointError } from '../checkpoints/errors.ts'
import { openCheckpoint } from '../checkpoints/open-checkpoint.ts'
import type { BundleFile } from '../inference/manifest.ts'
import { describeBundle, originOf } from './bundle-manifest.ts'
import { checkConfig, chooseTemplates } from './choose-templates.ts'
import {
  readSources,
  readTemplateSets,
  type BundleVariant,
  type OutputFile,
  type TemplateSet,
} from './recipe.ts'
import { finiteOnly } from './tensor-source.ts'
import { writeOutput } from './write-output.ts'

export interface CheckpointFile {
  /** Where it lies. */
  file: string
  /** What it was hashed to; without it the file counts as unknown, and its content is hashed. */
  sha256?: string | undefined
}

export interface FillOptions extends BundleVariant {
  /** Folder of the templates, `models/musetalk-v1.5`. */
  templates: string
  /** The files at hand by their path in the official layout, configurations among them. */
  checkpoints: Readonly<Record<string, CheckpointFile>>
  /** An empty folder. */
  out: string
  signal: AbortSignal
  onProgress?: (doneBytes: number, totalBytes: number) => void
}

/**
 * Fill the graph templates with weights: a bundle, byte for byte what the Python exporter makes of the same files.
 *
 * Nothing is moved into place and nothing removed: what was written is incomplete where this rejects.
 * @returns the name of the template set that fits the weights
 * @throws CheckpointError where a file is missing, damaged, or none that there are templates for; ModelError; the signal's reason
 */
export async function fillBundle(options: FillOptions): Promise<{ set: string }> {
  const { templates, out, signal, onProgress } = options
  const [sets, sources] = await Promise.all([readTemplateSets(templates), readSources(templates)])
  const chosen = sources.slots.flatMap((slot) => {
    const path = slot.files.find(({ path }) => Object.hasOwn(options.checkpoints, path))?.path
    if (path === undefined) return []
    const { file, sha256 } = options.checkpoints[path]!
    const official = slot.files.some((known) => known.sha256 === sha256)
    return [{ ...slot, path, file, official }]
  })
  const weights = chosen.filter(({ config }) => !config)
  await using open = new AsyncDisposableStack()
  const checkpoints = new Map<string, Checkpoint>()
  for (const { name, file } of weights) checkpoints.set(name, open.use(await openCheckpoint(file)))

  const { set, sources: tensors } = chooseTemplates(sets, checkpoints)
  const graphs = graphsOf(set, options, (slot) => checkpoints.has(slot))
  for (const [slot, { config }] of Object.entries(set.checkpoints)) {
    if (!config || !checkpoints.has(slot)) continue
    const at = chosen.find(({ path }) => path === config.file)
    if (!at)
      throw new CheckpointError(config.file, 'no such file', 'the configuration of the network')
    if (!at.official) await checkConfig(at.file, config)
  }

  const total = graphs.reduce((sum, { files }) => sum + bytesOf(files), 0)
  let done = 0
  const onWritten = (bytes: number) => onProgress?.((done += bytes), total)
  const isOfficial = (slot: string) =>
    weights.some(({ name, official }) => name === slot && official)
  const trusted = [...tensors].map(
    ([slot, source]) => [slot, isOfficial(slot) ? source : finiteOnly(source)] as const,
  )
  const filling = { folder: set.folder, out, sources: new Map(trusted), signal, onWritten }
  const written = new Map<string, BundleFile[]>()
  for (const { key, files } of graphs) {
    const made: BundleFile[] = []
    for (const file of files) made.push(await writeOutput(file, filling))
    written.set(key, made)
  }
  const origins = new Map<string, string>()
  for (const slot of weights) {
    const checkpoint = checkpoints.get(slot.name)!
    origins.set(slot.name, await originOf(slot, checkpoint, sources.contents, signal))
  }
  const manifest = describeBundle(set, options, written, weights, origins)
  await writeFile(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`)
  return { set: set.name }
}

/** At most how many bytes a bundle will have, whatever weights it is made of. */
export async function bundleBytes(templates: string, variant: BundleVariant): Promise<number> {
  const sets = await readTemplateSets(templates)
  const all = () => true
  const sizes = sets.map((set) => graphsOf(set, variant, all).map(({ files }) => bytesOf(files)))
  return Math.max(...sizes.map((graphs) => graphs.reduce((sum, bytes) => sum + bytes, 0)))
}

const bytesOf = (files: readonly OutputFile[]) => files.reduce((sum, { bytes }) => sum + bytes, 0)

/**
 * The graphs of a bundle. `generate.fp16` and `generate.cuda` are two of one name.
 * @throws CheckpointError where a graph that every bundle has lacks its weights
 */
function graphsOf(
  set: TemplateSet,
  { precision, cuda }: BundleVariant,
  has: (slot: string) => boolean,
): { key: string; files: readonly OutputFile[] }[] {
  const wanted = (kind: string | undefined) =>
    kind === undefined || kind === precision || (kind === 'cuda' && cuda)
  return Object.entries(set.graphs).flatMap(([key, { slots, files }]) => {
    if (!wanted(key.split('.')[1])) return []
    const missing = slots.filter((slot) => !has(slot))
    if (missing.length === 0) return [{ key, files }]
    if (OPTIONAL_GRAPHS.has(key)) return []
    throw new CheckpointError(missing.join(', '), 'no file', `weights for the graph "${key}"`)
  })
}

/** Without `face`, jobs bring their own boxes. */
const OPTIONAL_GRAPHS: ReadonlySet<string> = new Set(['face'])
