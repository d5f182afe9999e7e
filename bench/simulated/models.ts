import type { Models } from '../../models/inference/models.ts'
import type { GraphName, Manifest } from '../../models/inference/manifest.ts'
import { createInferencePool } from '../../models/inference/worker-pool.ts'
import { costOf, INPUTS, itemsOf, LISTEN, simulatedSource, STATES } from './card.ts'
import type { Simulation } from './card.ts'

/** What the card did since it was asked last. */
export interface CardUse {
  busyMs: number
  graphs: Partial<Record<GraphName, { runs: number; items: number }>>
}

export interface SimulatedModels extends Models, AsyncDisposable {
  /** Told of the end of each run. */
  onRun?: (graph: GraphName) => void
  use(): CardUse
}

const FILE = {
  license: 'none',
  origin: 'simulated',
  file: 'none',
  bytes: 0,
  sha256: '0'.repeat(64),
}

/**
 * Graphs of MuseTalk's shapes on a simulated card: everything but the networks is the product's,
 * threads and messages included.
 */
export async function simulatedModels(simulation: Simulation): Promise<SimulatedModels> {
  const names = (['face', 'encode', 'listen', 'generate', 'parse'] as const).filter(
    (name) => name !== 'parse' || simulation.parse,
  )
  const sources = names.map((name) => [name, simulatedSource(name, simulation)])
  const inference = await createInferencePool(
    Object.fromEntries(sources),
    { device: 'cuda', threads: 1, lanes: 1 },
    new URL('./card.worker.ts', import.meta.url),
  )
  let used: CardUse = { busyMs: 0, graphs: {} }
  const graphs = names.map((name) => [name, { device: 'cuda', inputs: INPUTS[name], outputs: [] }])
  const models: SimulatedModels = {
    manifest: manifestOf(names),
    id: 'simulated000',
    graphs: Object.fromEntries(graphs),
    async run(graph, feeds, rank) {
      const items = itemsOf(graph, feeds)
      const outputs = await inference.run(graph, feeds, rank)
      const of = (used.graphs[graph] ??= { runs: 0, items: 0 })
      of.runs++
      of.items += items
      used.busyMs += costOf(graph, items, simulation.speed)
      models.onRun?.(graph)
      return outputs
    },
    use() {
      const since = used
      used = { busyMs: 0, graphs: {} }
      return since
    },
    [Symbol.asyncDispose]: () => inference[Symbol.asyncDispose](),
  }
  return models
}

const manifestOf = (names: readonly GraphName[]): Manifest => ({
  ...{ format: 1, name: 'simulated', version: '0', precision: 'none' },
  graphs: Object.fromEntries(names.map((name) => [name, FILE])) as unknown as Manifest['graphs'],
  listen: LISTEN,
  states: STATES,
  clip: { frames: 64 },
  batch: [1, 8],
  crop: { chin_margin_px: 10, chin_margin_share: 0 },
  face: { threshold: 0.5 },
  mask: { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 },
  selfTest: [],
})
