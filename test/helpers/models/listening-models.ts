import type { Models } from '../../../models/inference/models.ts'
import type { GraphName } from '../../../models/inference/manifest.ts'
import { fakeModels } from './fake-models.ts'

/**
 * Fake models that paint a face as gray as what it hears is loud.
 *
 * @param finder finds and follows the faces, where they are real ones
 */
export function listeningModels(finder?: Models): Models {
  const fake = fakeModels()
  const { face, track } = finder?.manifest.graphs ?? {}
  const graphs = { ...fake.manifest.graphs, ...(face && { face }), ...(track && { track }) }
  return {
    ...fake,
    manifest: { ...fake.manifest, graphs },
    async run(graph, feeds, rank) {
      if (finder && FINDING.has(graph)) return finder.run(graph, feeds, rank)
      const made = await fake.run(graph, feeds, rank)
      if (graph !== 'generate') return made
      const prompt = feeds['prompt']!.data as Float32Array
      const { data, dims } = made['face']!
      const size = data.length / dims[0]!
      for (let i = 0; i < dims[0]!; i++) {
        // Of each state the first value is how loud it is, the second counts what was listened to.
        const window = prompt.subarray(i * 20, (i + 1) * 20).filter((_, k) => k % 2 === 0)
        const loud = window.reduce((sum, value) => sum + value, 0) / window.length
        ;(data as Uint8Array).fill(40 + Math.round(400 * loud), i * size, (i + 1) * size)
      }
      return made
    },
  }
}

const FINDING = new Set<GraphName>(['face', 'track'])
