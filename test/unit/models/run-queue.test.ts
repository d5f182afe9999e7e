import { describe, expect, test } from 'vitest'
import { createRunQueue, type Lane } from '../../../models/inference/run-queue.ts'

/** A lane whose runs end when they are told to. */
function heldLane(holds = (_graph: string) => true) {
  const given: { graph: string; end: () => void }[] = []
  let waiting = 0
  const lane: Lane = {
    holds,
    run(graph) {
      waiting++
      const { promise, resolve } = Promise.withResolvers<void>()
      given.push({ graph, end: resolve })
      return promise.then(() => {
        waiting--
        if (graph === 'bad') throw new Error('a bad run')
        return {}
      })
    },
    waiting: () => waiting,
  }
  const turn = () => new Promise(setImmediate)
  return {
    lane,
    graphs: () => given.map(({ graph }) => graph),
    async end() {
      given.find((run) => run.end !== done)!.end()
      given[given.findIndex((run) => run.end !== done)]!.end = done
      await turn()
    },
  }
}
const done = () => {}

describe('runs before the lanes', () => {
  test('are given out two at a time: one that runs, and the next', async () => {
    const { lane, graphs, end } = heldLane()
    const run = createRunQueue([lane])
    for (const name of ['a', 'b', 'c']) void run(name, {})
    expect(graphs()).toEqual(['a', 'b'])
    await end()
    expect(graphs()).toEqual(['a', 'b', 'c'])
  })
  test('go by rank, and within one in the order in which they came', async () => {
    const { lane, graphs, end } = heldLane()
    const run = createRunQueue([lane])
    for (const [name, rank] of [
      ['a', 5],
      ['b', 5],
      ['c', 5],
      ['d', 1],
      ['e', 3],
      ['f', 1],
    ] as const) {
      void run(name, {}, rank)
    }
    for (let i = 0; i < 4; i++) await end()
    expect(graphs()).toEqual(['a', 'b', 'd', 'f', 'e', 'c'])
  })
  test('take the lane with least to do', async () => {
    const [one, two] = [heldLane(), heldLane()]
    const run = createRunQueue([one.lane, two.lane])
    for (const name of ['a', 'b', 'c', 'd', 'e']) void run(name, {})
    expect([one.graphs(), two.graphs()]).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ])
    await two.end()
    expect(two.graphs()).toEqual(['b', 'd', 'e'])
  })
  test('wait for a lane that holds their graph, and let pass those of others', async () => {
    const [one, two] = [heldLane(), heldLane((graph) => graph === 'often')]
    const run = createRunQueue([one.lane, two.lane])
    for (const name of ['a', 'b', 'c', 'often']) void run(name, {})
    expect([one.graphs(), two.graphs()]).toEqual([['a', 'b'], ['often']])
    await one.end()
    expect(one.graphs()).toEqual(['a', 'b', 'c'])
  })
  test('that fail fail for who asked, and the next ones run', async () => {
    const { lane, graphs, end } = heldLane()
    const run = createRunQueue([lane])
    const failed = expect(run('bad', {})).rejects.toThrow('a bad run')
    const others = [run('b', {}), run('c', {})]
    await end()
    await failed
    expect(graphs()).toEqual(['bad', 'b', 'c'])
    await end()
    await end()
    expect(await Promise.all(others)).toEqual([{}, {}])
  })
})
