import type { Tensors } from './tensor.ts'

/** Something that runs graphs one after the other. */
export interface Lane {
  /** Whether it has loaded that graph. */
  holds(graph: string): boolean
  run(graph: string, feeds: Tensors): Promise<Tensors>
  /** Runs without an answer yet. */
  waiting(): number
}

/** @param rank runs of a lower rank go first; those of one rank in the order in which they came */
export type RankedRun = (graph: string, feeds: Tensors, rank?: number) => Promise<Tensors>

/** What a lane has at most: one that runs, and the next, so that it need not wait for this thread. */
const AHEAD = 2

interface QueuedRun {
  graph: string
  rank: number
  start(lane: Lane): Promise<void>
}

/**
 * One queue before all lanes. A run takes the lane with least to do, of those that hold its graph.
 * @param lanes at least one that holds all graphs; more may come, and hold more
 */
export function createRunQueue(lanes: readonly Lane[]): RankedRun {
  const queue: QueuedRun[] = []

  function fill() {
    for (let i = 0; i < queue.length;) {
      const able = lanes.filter((lane) => lane.holds(queue[i]!.graph))
      const lane = able.reduce((a, b) => (b.waiting() < a.waiting() ? b : a))
      if (lane.waiting() >= AHEAD) i++
      else void queue.splice(i, 1)[0]!.start(lane).finally(fill)
    }
  }

  return (graph, feeds, rank = 0) =>
    new Promise((resolve, reject) => {
      const start = (lane: Lane) => lane.run(graph, feeds).then(resolve, reject)
      const behind = queue.findLastIndex((other) => other.rank <= rank)
      queue.splice(behind + 1, 0, { graph, rank, start })
      fill()
    })
}
