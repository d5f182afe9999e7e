import type { GraphName, Manifest } from './manifest.ts'
import type { Tensors, TensorSpec } from './tensor.ts'

/** A loaded graph, as the pipeline sees it. */
export interface GraphInfo {
  device: 'cuda' | 'cpu'
  inputs: TensorSpec[]
  outputs: TensorSpec[]
}

/** The models as the pipeline sees them; tests bring their own. */
export interface Models {
  manifest: Manifest
  /** Of the manifest: names exactly these weights and rules. */
  id: string
  graphs: Partial<Record<GraphName, GraphInfo>>
  /**
   * @param rank runs of a lower rank go first
   * @throws ModelError
   */
  run(graph: GraphName, feeds: Tensors, rank?: number): Promise<Tensors>
}
