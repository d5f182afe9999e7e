import * as v from 'valibot'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import { hashContent } from '../checkpoints/content-hash.ts'
import { ModelError } from '../inference/errors.ts'
import type { BundleFile, GraphFiles } from '../inference/manifest.ts'
import type { BundleVariant, TemplateSet } from './recipe.ts'

interface UsedSlot {
  name: string
  license: string
  origin: string
  /** Of the file used, in the official layout. */
  path: string
  /** Whether its hash is that of a file that is published. */
  official: boolean
}

/** Whose weights a file holds, in words. */
export async function originOf(
  { path, origin, official }: UsedSlot,
  checkpoint: Checkpoint,
  contents: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const what = official ? 'official file' : contents[await hashContent(checkpoint, signal)]
  return `${path} of ${origin}: ${what ?? 'unknown weights'}`
}

const Runs = v.array(v.object({ graph: v.string(), feeds: v.record(v.string(), v.unknown()) }))

/**
 * The manifest of a bundle. Its self-test has no golden numbers: nobody has those of the official weights.
 * @param written files by the recipe's names of graphs
 * @param slots in the order of the official files
 */
export function describeBundle(
  set: TemplateSet,
  { precision, cuda }: BundleVariant,
  written: ReadonlyMap<string, readonly BundleFile[]>,
  slots: readonly UsedSlot[],
  origins: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const graphs: Record<string, unknown> = {}
  for (const [key, files] of written) {
    const [name, kind] = key.split('.') as [string, string | undefined]
    if (kind === 'cuda') continue
    const used = set.graphs[key]!.slots.map((slot) => slots.find((other) => other.name === slot)!)
    const about = {
      license: [...new Set(used.map(({ license }) => license))].join('; '),
      origin: used.map((slot) => origins.get(slot.name)).join('; '),
    }
    const fused = written.get(`${name}.cuda`)
    for (const graph of stampsOf(files)) {
      const entry = { ...graph, ...about, ...(fused && { cuda: stampsOf(fused)[0] }) }
      graphs[graph.file.replace(/\.onnx$/, '')] = entry
    }
  }
  const batch = precision === 'fp16' || cuda ? [1, 8] : [1, 2]
  const runs = v.parse(Runs, set.manifest['selfTest'] ?? [])
  const selfTest = runs.map(({ graph, feeds }) => ({ graph, feeds, expect: {} }))
  return { ...set.manifest, precision, graphs, batch, selfTest }
}

/** Each graph of these files, and the weights beside it, which several may share. */
function stampsOf(files: readonly BundleFile[]): GraphFiles[] {
  const data = files.filter(({ file }) => !file.endsWith('.onnx'))
  const graphs = files.filter(({ file }) => file.endsWith('.onnx'))
  if (graphs.length === 0) throw new ModelError('bundle', 'a recipe without a graph')
  return graphs.map((graph) => ({ ...graph, ...(data.length > 0 && { data: [...data] }) }))
}
